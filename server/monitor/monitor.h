/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor: owns the listening sockets, accepts, names connections, hands them on, starts the
 * other processes and starts them again. Parses nothing but PROXY headers of configured peers;
 * has no database, no exchange key. Renews the leaf certificate and hands it to front and admin.
 */
#pragma once

#include "server/cidr.h"
#include "server/config.h"

/* What a child runs, given by main: the monitor knows no other process's code. */
struct monitor_child_setup {
	unsigned index; /* among its kind */
	int monitor_fd;
	int core_fd;	      /* front, admin, courier */
	const int *front_fds; /* core */
	size_t front_count;
	int admin_fd, courier_fd; /* core */
	const struct server_config *config;
};

struct monitor_setup {
	const struct server_config *config;
	int unlock_listener, admin_listener;
	const struct cidr_list *proxies; /* peers whose PROXY header is read, and required */
	int ready_fd;			 /* gets the process id when all are ready; -1: none */
	/* Renews the leaf's files when that is due, as at the start. */
	int (*renew_leaf)(const struct server_config *config, bool *ret_renewed);
	int (*run_core)(const struct monitor_child_setup *setup);
	int (*run_front)(const struct monitor_child_setup *setup);
	int (*run_admin)(const struct monitor_child_setup *setup);
	int (*run_courier)(const struct monitor_child_setup *setup);
};

/* Serves until SIGTERM or SIGINT; SIGHUP: looks at the leaf's files now. 0, or negative with a
 * sentence (also when a process ends before all were ready once). */
int monitor_main(const struct monitor_setup *setup) MUST_CHECK;
