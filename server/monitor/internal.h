/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the monitor's own files: monitor.c (events, stop), children.c (processes), child.c (in
 * a new process), hand.c (connections).
 */
#pragma once

#include <sys/types.h>

#include "server/edge/channel.h"
#include "server/monitor/monitor.h"
#include "server/monitor/roll.h"

struct event;
struct event_base;
struct monitor;

#define RESTART_FIRST_MS 100
#define RESTART_MOST_MS 10000
#define RESTART_FORGIVEN_S 30 /* who lived that long starts again at once */
#define STOP_S 10
#define BESIDE_FRONTS 3 /* core, admin, courier */

struct child {
	struct monitor *monitor;
	enum process_kind kind;
	unsigned index;	 /* among its kind */
	unsigned number; /* in monitor->children; the holder in the roll */
	pid_t pid;	 /* 0: not running */
	bool ready;
	unsigned restart_ms;
	time_t started_s;
	struct message_port port; /* to it */
	int far_fd;		  /* its end of port, kept for nothing but the fork */
	int core_fd, core_far_fd; /* its pair to core: its end, core's end. Kept over restarts */
	struct channel *channel;
	struct event *restart;
};

struct monitor {
	const struct monitor_setup *setup;
	struct event_base *base;
	struct roll *roll;
	struct child *children; /* 0: core, 1: admin, 2: courier, then the fronts */
	size_t children_count;
	struct event *unlock_accept, *admin_accept, *accept_pause;
	bool was_ready; /* all were, once */
	bool stopping;
	int result;
	time_t last_complaint_s;
	size_t proxies_waiting;
};

/* --- children.c ------------------------------------------------------------------------------ */

/* Makes the pairs and starts everybody. */
int children_start(struct monitor *monitor) MUST_CHECK;

/* Takes the ends of dead children and starts them again in due time. */
void children_reap(struct monitor *monitor);

/* SIGTERM to fronts and admin; core and courier get it when they are gone. */
void children_stop(struct monitor *monitor);

void children_kill(struct monitor *monitor);

/* --- child.c --------------------------------------------------------------------------------- */

const char *child_name(const struct child *child);

/* In a new process: lets go of all that is the monitor's, and runs what the child is. */
int child_run(const struct child *child) MUST_CHECK;

/* --- hand.c ---------------------------------------------------------------------------------- */

/* Accepts what waits on a listener and hands it to children of this kind. */
void hand_accept(struct monitor *monitor, int listener, enum process_kind kind);

/* Hands one connection over; the socket is taken, also on failure. */
void hand_accepted(struct monitor *monitor, enum process_kind kind, int fd,
		   const struct source_address *source);

/* A child has died: its connections are over. */
void hand_forget(struct monitor *monitor, struct child *child);

/* --- leaf.c ---------------------------------------------------------------------------------- */

#define LEAF_LOOK_S 3600

/* Renews the leaf when that is due; hands it to front and admin then, or when always is set. */
void leaf_look(struct monitor *monitor, bool always);

/* --- proxy_wait.c ---------------------------------------------------------------------------- */

/* Is the source address to be read from this peer's PROXY header? */
bool proxy_is_peer(const struct monitor *monitor, const struct source_address *peer);

/* Takes the socket, also on failure; hand_accepted() follows when the header is there. */
int proxy_wait(struct monitor *monitor, enum process_kind kind, int fd,
	       const struct source_address *peer) MUST_CHECK;

/* --- monitor.c ------------------------------------------------------------------------------- */

void monitor_child_ready(struct monitor *monitor);
void monitor_stop_with(struct monitor *monitor, int r);

/* No descriptors left: stops accepting for a moment. */
void monitor_pause_accepting(struct monitor *monitor);
