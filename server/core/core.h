/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core process: decision, exchange keys, audit. It has the store and the KEK, no network, and
 * parses no foreign bytes. It answers fronts and admin over SOCK_SEQPACKET pairs.
 */
#pragma once

#include "server/config.h"

struct core_setup {
	int monitor_fd; /* CONNECTION_OPEN/CLOSED arrive here before anyone can ask about them */
	const int *front_fds;
	size_t front_count;
	int admin_fd;
	int courier_fd; /* -1: none, nobody outside can be asked */
	const struct server_config *config;
};

/* Opens store and KEK, gives up what it doesn't need (process_sandbox), serves until the monitor's
 * end closes or SIGTERM. The caller has called process_harden() and dropped root. A peer that
 * breaks the contract (bad message, unknown connection) is dropped for good: its socket is shut
 * down. When no front is left the process ends with -EPROTO and the monitor starts all again.
 * 0 or negative with a sentence. */
int core_main(const struct core_setup *setup) MUST_CHECK;
