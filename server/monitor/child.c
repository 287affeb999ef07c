/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the monitor's fork and the child's own code: keeps the descriptors that its row of the
 * table allows, and nothing else of the monitor's.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "server/monitor/internal.h"

const char *child_name(const struct child *child)
{
	return process_table[child->kind].name;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything but standard streams and these. */
static int close_others(int *keep, size_t count)
{
	unsigned from = STDERR_FILENO + 1;

	qsort(keep, count, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from && close_range(from, (unsigned)keep[i] - 1, 0))
			return fail(-errno, "can't close inherited files: %m");
		from = (unsigned)keep[i] + 1;
	}
	if (close_range(from, ~0U, 0))
		return fail(-errno, "can't close inherited files: %m");
	return 0;
}

static int gather_fds(const struct child *child, struct monitor_child_setup *ret, int *ret_fronts,
		      int *ret_keep, size_t *ret_count)
{
	const struct monitor *monitor = child->monitor;

	ret->index = child->index;
	ret->config = monitor->setup->config;
	ret->monitor_fd = ret_keep[(*ret_count)++] = child->far_fd;
	ret->core_fd = ret->admin_fd = ret->courier_fd = -1;
	if (child->kind != PROCESS_CORE) {
		ret->core_fd = ret_keep[(*ret_count)++] = child->core_fd;
		return 0;
	}
	for (size_t i = 1; i < monitor->children_count; i++) {
		const struct child *other = &monitor->children[i];

		if (other->kind == PROCESS_ADMIN)
			ret->admin_fd = other->core_far_fd;
		else if (other->kind == PROCESS_COURIER)
			ret->courier_fd = other->core_far_fd;
		else
			ret_fronts[ret->front_count++] = other->core_far_fd;
		ret_keep[(*ret_count)++] = other->core_far_fd;
	}
	ret->front_fds = ret_fronts;
	return 0;
}

/* The monitor's loop isn't ours: lets go of it without touching its kernel object, which is shared
 * until event_reinit() has made another. */
static int leave_loop(struct event_base *base)
{
	if (event_reinit(base))
		return fail(-EIO, "can't leave the monitor's event loop");
	event_base_free(base);
	return 0;
}

/* Signals as a fresh process has them. */
static void reset_signals(void)
{
	static const int ours[] = { SIGTERM, SIGCHLD, SIGHUP };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		signal(ours[i], SIG_DFL);
	signal(SIGINT, SIG_IGN); /* a terminal sends it to all; the monitor decides */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int child_run(const struct child *child)
{
	const struct monitor_setup *setup = child->monitor->setup;
	struct monitor_child_setup own = { .front_count = 0 };
	int fronts[PROCESS_FRONTS_MAX], keep[PROCESS_FRONTS_MAX + BESIDE_FRONTS];
	size_t count = 0;
	int r;

	log_open(child_name(child), false, LOG_LEVEL_INFO);
	r = leave_loop(child->monitor->base);
	if (!r) {
		reset_signals();
		r = process_harden(child->kind);
	}
	if (!r)
		r = gather_fds(child, &own, fronts, keep, &count);
	if (!r)
		r = close_others(keep, count);
	if (r < 0)
		return r;
	switch (child->kind) {
	case PROCESS_CORE: return setup->run_core(&own);
	case PROCESS_FRONT: return setup->run_front(&own);
	case PROCESS_COURIER: return setup->run_courier(&own);
	default: return setup->run_admin(&own);
	}
}
