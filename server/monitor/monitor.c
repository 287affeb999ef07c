/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor's event loop: signals, listeners, readiness, stop. See monitor.h.
 */
#include "server/monitor/monitor.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "server/monitor/internal.h"

void monitor_stop_with(struct monitor *monitor, int r)
{
	if (monitor->result == 0)
		monitor->result = r;
	event_base_loopbreak(monitor->base);
}

static void on_unlock(evutil_socket_t fd, short what, void *userdata)
{
	(void)what;
	hand_accept(userdata, fd, PROCESS_FRONT);
}

static void on_admin(evutil_socket_t fd, short what, void *userdata)
{
	(void)what;
	hand_accept(userdata, fd, PROCESS_ADMIN);
}

static void accept_again(struct monitor *monitor)
{
	event_add(monitor->unlock_accept, NULL);
	event_add(monitor->admin_accept, NULL);
}

static void on_pause_over(evutil_socket_t fd, short what, void *userdata)
{
	struct monitor *monitor = userdata;

	(void)fd;
	(void)what;
	if (!monitor->stopping)
		accept_again(monitor);
}

void monitor_pause_accepting(struct monitor *monitor)
{
	struct timeval after = { .tv_usec = 200 * 1000 };

	event_del(monitor->unlock_accept);
	event_del(monitor->admin_accept);
	event_add(monitor->accept_pause, &after);
}

static int tell_ready(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return fd < 0 ? 0 : file_write_all(fd, text, (size_t)len);
}

void monitor_child_ready(struct monitor *monitor)
{
	const struct server_config *config = monitor->setup->config;
	int r;

	for (size_t i = 0; i < monitor->children_count; i++) {
		if (!monitor->children[i].ready)
			return;
	}
	if (monitor->was_ready)
		return;
	monitor->was_ready = true;
	accept_again(monitor);
	log_info("ready: unlock on %s port %u, admin on %s port %u", config->listen.host,
		 config->listen.port, config->admin_listen.host, config->admin_listen.port);
	r = tell_ready(monitor->setup->ready_fd);
	if (r < 0)
		monitor_stop_with(monitor, r);
}

static void on_child(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	children_reap(userdata);
}

static void on_stop_deadline(evutil_socket_t fd, short what, void *userdata)
{
	struct monitor *monitor = userdata;

	(void)fd;
	(void)what;
	monitor_stop_with(monitor, fail(-ETIMEDOUT, "processes didn't stop: they are killed"));
}

static void on_terminate(evutil_socket_t fd, short what, void *userdata)
{
	struct monitor *monitor = userdata;
	struct timeval after = { .tv_sec = STOP_S };

	(void)fd;
	(void)what;
	if (monitor->stopping)
		return;
	log_info("stopping");
	monitor->stopping = true;
	event_del(monitor->unlock_accept);
	event_del(monitor->admin_accept);
	event_base_once(monitor->base, -1, EV_TIMEOUT, on_stop_deadline, monitor, &after);
	children_stop(monitor);
}

static void on_hangup(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	leaf_look(userdata, true);
}

static void on_leaf_time(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	leaf_look(userdata, false);
}

static int watch_leaf(struct monitor *monitor)
{
	const struct timeval every = { .tv_sec = LEAF_LOOK_S };
	struct event *event = event_new(monitor->base, -1, EV_PERSIST, on_leaf_time, monitor);

	if (!event || event_add(event, &every))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

static int watch_signal(struct monitor *monitor, int number, event_callback_fn callback)
{
	struct event *event = evsignal_new(monitor->base, number, callback, monitor);

	if (!event || event_add(event, NULL))
		return fail(-ENOMEM, "can't watch for signals");
	return 0;
}

static int open_events(struct monitor *monitor)
{
	const struct monitor_setup *setup = monitor->setup;
	int r;

	monitor->base = event_base_new();
	if (!monitor->base)
		return fail(-ENOMEM, "can't make an event loop");
	monitor->unlock_accept = event_new(monitor->base, setup->unlock_listener,
					   EV_READ | EV_PERSIST, on_unlock, monitor);
	monitor->admin_accept = event_new(monitor->base, setup->admin_listener,
					  EV_READ | EV_PERSIST, on_admin, monitor);
	monitor->accept_pause = event_new(monitor->base, -1, 0, on_pause_over, monitor);
	if (!monitor->unlock_accept || !monitor->admin_accept || !monitor->accept_pause)
		return fail(-ENOMEM, "out of memory");
	r = watch_signal(monitor, SIGCHLD, on_child);
	if (!r)
		r = watch_signal(monitor, SIGTERM, on_terminate);
	if (!r)
		r = watch_signal(monitor, SIGHUP, on_hangup);
	if (!r)
		r = watch_leaf(monitor);
	if (!r)
		r = watch_signal(monitor, SIGINT, on_terminate);
	return r;
}

int monitor_main(const struct monitor_setup *setup)
{
	struct monitor monitor = { .setup = setup };
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = roll_open(&monitor.roll);
	if (!r)
		r = open_events(&monitor);
	if (!r)
		r = process_sandbox(PROCESS_MONITOR, PROCESS_REACH_FILES);
	if (!r)
		r = children_start(&monitor);
	if (!r && event_base_dispatch(monitor.base) < 0)
		r = fail(-EIO, "the event loop failed");
	if (monitor.children)
		children_kill(&monitor);
	return r ? r : monitor.result;
}
