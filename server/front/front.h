/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The front process: TLS and HTTP of the unlock listener. Has no files, database or exchange keys;
 * asks core for everything and answers only when core has.
 */
#pragma once

#include "server/config.h"

struct front_setup {
	int monitor_fd, core_fd;
	const struct server_config *config;
};

/* Serves until SIGTERM or the monitor's end. The caller has called process_harden(). Reads the
 * TLS key, then enters the sandbox. 0 or negative with a sentence. */
int front_main(const struct front_setup *setup) MUST_CHECK;
