/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor's children: pairs, fork, end, restart with backoff. The pair between a child and
 * core is kept open here over restarts, so that core needn't learn of a new one. When core ends,
 * everybody starts anew: connections live in its memory.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/monitor/internal.h"

static const enum process_kind beside_fronts[BESIDE_FRONTS] = { PROCESS_CORE, PROCESS_ADMIN,
								PROCESS_COURIER };

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(TAKE_FD(*fd));
}

static void on_message(void *userdata, const union message *message, int fd)
{
	struct child *child = userdata;
	struct monitor *monitor = child->monitor;

	(void)fd;
	if (message->head.type == MESSAGE_READY && !child->ready) {
		child->ready = true;
		monitor_child_ready(monitor);
	} else if (message->head.type != MESSAGE_CONNECTION_DONE ||
		   !roll_remove(monitor->roll, message->head.connection, child->number)) {
		log_error("%s breaks the contract: it is killed", child_name(child));
		kill(child->pid, SIGKILL);
	}
}

/* SIGCHLD does the rest; one that only closed its end is no use any more. */
static void on_channel_end(void *userdata, int r)
{
	struct child *child = userdata;

	if (r < 0)
		log_failure(r);
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

static int open_pair_to(struct child *child)
{
	int pair[2];
	int r;

	if (child->channel)
		channel_close(TAKE_PTR(child->channel));
	close_fd(&child->port.fd);
	r = message_pair(pair);
	if (r < 0)
		return r;
	child->port = (struct message_port){ pair[0], PROCESS_MONITOR, child->kind,
					     PROCESS_SERVING };
	child->far_fd = pair[1];
	return channel_open(child->monitor->base, &child->port, on_message, on_channel_end, child,
			    &child->channel);
}

static int spawn(struct child *child)
{
	sigset_t all, old;
	pid_t pid;
	int r;

	r = open_pair_to(child);
	if (r < 0)
		return r;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0) {
		r = child_run(child);
		if (r < 0)
			log_failure(r);
		_exit(r < 0 ? 1 : 0);
	}
	r = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close_fd(&child->far_fd);
	if (pid < 0)
		return fail(r, "can't start %s: %s", child_name(child), strerror(-r));
	child->pid = pid;
	child->ready = false;
	child->started_s = now_s();
	return 0;
}

static int open_pair_to_core(struct child *child)
{
	int pair[2];
	int r;

	close_fd(&child->core_fd);
	close_fd(&child->core_far_fd);
	r = message_pair(pair);
	if (r < 0)
		return r;
	child->core_fd = pair[0];
	child->core_far_fd = pair[1];
	return 0;
}

static int start_all(struct monitor *monitor)
{
	int r;

	for (size_t i = 1; i < monitor->children_count; i++) {
		event_del(monitor->children[i].restart);
		r = open_pair_to_core(&monitor->children[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < monitor->children_count; i++) {
		r = spawn(&monitor->children[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool anybody_runs(const struct monitor *monitor)
{
	for (size_t i = 0; i < monitor->children_count; i++) {
		if (monitor->children[i].pid > 0)
			return true;
	}
	return false;
}

/* Core has shut this pair down, or its other end is gone for another reason. */
static bool pair_is_dead(const struct child *child)
{
	struct pollfd one = { .fd = child->core_fd, .events = 0 };

	return child->kind != PROCESS_CORE && poll(&one, 1, 0) == 1;
}

static void on_restart(evutil_socket_t fd, short what, void *userdata)
{
	struct child *child = userdata;
	struct monitor *monitor = child->monitor;
	int r;

	(void)fd;
	(void)what;
	if (monitor->stopping)
		return;
	if (child->kind != PROCESS_CORE && monitor->children[0].pid == 0)
		return; /* core's own restart starts all */
	if (child->kind == PROCESS_CORE)
		r = start_all(monitor);
	else
		r = spawn(child);
	if (r < 0)
		monitor_stop_with(monitor, r);
}

static void restart_later(struct child *child)
{
	struct timeval after;

	if (now_s() - child->started_s >= RESTART_FORGIVEN_S || child->restart_ms == 0)
		child->restart_ms = RESTART_FIRST_MS;
	else
		child->restart_ms = MIN(child->restart_ms * 2, RESTART_MOST_MS);
	after.tv_sec = child->restart_ms / 1000;
	after.tv_usec = (child->restart_ms % 1000) * 1000;
	event_add(child->restart, &after);
}

static void complain(const struct child *child, int status)
{
	if (WIFSIGNALED(status))
		log_error("%s (pid %d) was ended by signal %d", child_name(child), (int)child->pid,
			  WTERMSIG(status));
	else
		log_error("%s (pid %d) ended with status %d", child_name(child), (int)child->pid,
			  WEXITSTATUS(status));
}

/* Core is gone: who asked it is of no use, and restarts when all are gone. */
static void end_all(struct monitor *monitor)
{
	children_kill(monitor);
	if (!anybody_runs(monitor))
		restart_later(&monitor->children[0]);
}

static void took_end(struct child *child, int status)
{
	struct monitor *monitor = child->monitor;

	if (!monitor->stopping)
		complain(child, status);
	child->pid = 0;
	child->ready = false;
	hand_forget(monitor, child);
	if (monitor->stopping) {
		children_stop(monitor);
	} else if (!monitor->was_ready) {
		monitor_stop_with(monitor,
				  fail(-EIO, "%s didn't start; see above", child_name(child)));
	} else if (child->kind == PROCESS_CORE || monitor->children[0].pid == 0) {
		end_all(monitor);
	} else if (pair_is_dead(child)) {
		log_error("core refuses to talk to %s: all start anew", child_name(child));
		kill(monitor->children[0].pid, SIGKILL);
	} else {
		restart_later(child);
	}
}

void children_reap(struct monitor *monitor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < monitor->children_count; i++) {
			if (monitor->children[i].pid == pid)
				took_end(&monitor->children[i], status);
		}
	}
}

void children_stop(struct monitor *monitor)
{
	struct child *core = &monitor->children[0], *courier = &monitor->children[2];
	bool others_run = false;

	for (size_t i = 1; i < monitor->children_count; i++) {
		if (monitor->children[i].pid == 0 || monitor->children[i].kind == PROCESS_COURIER)
			continue;
		others_run = true;
		kill(monitor->children[i].pid, SIGTERM);
	}
	/* What the others still wait for may need both. */
	if (!others_run && core->pid > 0)
		kill(core->pid, SIGTERM);
	if (!others_run && courier->pid > 0)
		kill(courier->pid, SIGTERM);
	if (!anybody_runs(monitor))
		monitor_stop_with(monitor, 0);
}

void children_kill(struct monitor *monitor)
{
	for (size_t i = 0; i < monitor->children_count; i++) {
		if (monitor->children[i].pid > 0)
			kill(monitor->children[i].pid, SIGKILL);
	}
}

int children_start(struct monitor *monitor)
{
	size_t fronts = MIN(monitor->setup->config->fronts, PROCESS_FRONTS_MAX);

	monitor->children = calloc(fronts + BESIDE_FRONTS, sizeof(*monitor->children));
	if (!monitor->children)
		return fail(-ENOMEM, "out of memory");
	monitor->children_count = fronts + BESIDE_FRONTS;
	for (unsigned i = 0; i < monitor->children_count; i++) {
		struct child *child = &monitor->children[i];

		child->monitor = monitor;
		child->number = i;
		child->index = i < BESIDE_FRONTS ? 0 : i - BESIDE_FRONTS;
		child->kind = i < BESIDE_FRONTS ? beside_fronts[i] : PROCESS_FRONT;
		child->port.fd = child->far_fd = child->core_fd = child->core_far_fd = -1;
		child->restart = event_new(monitor->base, -1, 0, on_restart, child);
		if (!child->restart)
			return fail(-ENOMEM, "out of memory");
	}
	return start_all(monitor);
}
