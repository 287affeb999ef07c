/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The admin process: TLS, HTTP and JSON of /v1, and the files that hosts fetch. Has the store, but
 * neither the KEK nor exchange keys: what needs them is asked of core.
 */
#pragma once

#include "server/config.h"

struct admin_setup {
	int monitor_fd, core_fd;
	const struct server_config *config;
};

/* Serves until SIGTERM or the monitor's end. The caller has called process_harden(). Opens the
 * store, the TLS key and the files it hands out, then enters the sandbox. 0 or negative with a
 * sentence. */
int admin_main(const struct admin_setup *setup) MUST_CHECK;
