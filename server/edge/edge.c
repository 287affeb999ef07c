/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop of front and admin: channels to monitor and core, the signal, the stop. Sockets
 * come only from the monitor; nothing is opened once the sandbox is on.
 */
#include "server/edge/edge.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "server/edge/connection.h"
#include "server/edge/tls.h"
#include "server/process.h"

static void stop_with(struct edge *edge, int r)
{
	edge->result = r;
	event_base_loopbreak(edge->base);
}

void edge_connection_done(struct edge *edge, uint64_t id)
{
	union message message;
	int r;

	message_start(&message, MESSAGE_CONNECTION_DONE, id, 0);
	r = channel_send(edge->core, &message);
	if (r == 0)
		r = channel_send(edge->monitor, &message);
	if (r == MESSAGE_LATER) /* thousands are queued: nobody listens any more */
		r = fail(-EPIPE, "core or monitor doesn't take messages");
	if (r < 0)
		stop_with(edge, r);
	if (edge->stopping && edge->count == 0)
		stop_with(edge, 0);
}

/* Connections that are open keep theirs. */
static void take_leaf(struct edge *edge, int fd)
{
	struct ssl_ctx_st *fresh;

	if (tls_load_file(fd, &fresh) < 0) {
		log_failure(-EINVAL);
		return;
	}
	tls_unload(edge->tls);
	edge->tls = fresh;
	log_info("the certificate was renewed");
}

static void on_monitor(void *userdata, const union message *message, int fd)
{
	struct edge *edge = userdata;
	int r;

	if (message->head.type == MESSAGE_LEAF) {
		take_leaf(edge, fd);
		return;
	}
	/* The table lets nothing else but SOCKET come from there. */
	if (edge->stopping) {
		close(fd);
		edge_connection_done(edge, message->head.connection);
		return;
	}
	r = connection_start(edge, &message->connection, fd);
	if (r < 0)
		log_failure(r);
}

static void on_core(void *userdata, const union message *message, int fd)
{
	struct edge *edge = userdata;
	struct connection *connection;

	(void)fd;
	if (message->head.type == MESSAGE_HEALTH) {
		edge->core_is_healthy = message->health.healthy;
		if (!edge->core_is_healthy)
			log_warning("core can't answer: %s", message->health.reason);
		return;
	}
	connection = connection_find(edge, message->head.connection);
	if (connection)
		connection_core_answered(connection, message);
}

static void on_monitor_ended(void *userdata, int r)
{
	stop_with(userdata, r);
}

static void on_core_ended(void *userdata, int r)
{
	stop_with(userdata, r ? r : fail(-EPIPE, "core is gone"));
}

static void on_stop_deadline(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	stop_with(userdata, 0);
}

static void on_terminate(evutil_socket_t fd, short what, void *userdata)
{
	struct edge *edge = userdata;
	struct timeval after = { .tv_sec = EDGE_STOP_S };

	(void)fd;
	(void)what;
	edge->stopping = true;
	edge->monitor_port.state = edge->core_port.state = PROCESS_STOPPING;
	connection_close_idle(edge);
	if (edge->count == 0)
		stop_with(edge, 0);
	else
		event_base_once(edge->base, -1, EV_TIMEOUT, on_stop_deadline, edge, &after);
}

static int say_ready(struct edge *edge)
{
	union message ready;
	int r;

	message_start(&ready, MESSAGE_READY, 0, 0);
	r = channel_send_now(edge->monitor, &ready, -1, 0);
	if (r)
		return r < 0 ? r : fail(-EPIPE, "the monitor doesn't listen");
	edge->monitor_port.state = edge->core_port.state = PROCESS_SERVING;
	return 0;
}

static int open_all(struct edge *edge, struct event **ret_terminate)
{
	const struct edge_setup *setup = edge->setup;
	int r;

	r = tls_load(setup->chain_path, setup->key_path, &edge->tls);
	if (r < 0)
		return r;
	edge->base = event_base_new();
	if (!edge->base)
		return fail(-ENOMEM, "can't make an event loop");
	*ret_terminate = evsignal_new(edge->base, SIGTERM, on_terminate, edge);
	if (!*ret_terminate || event_add(*ret_terminate, NULL))
		return fail(-ENOMEM, "can't watch for SIGTERM");
	r = channel_open(edge->base, &edge->monitor_port, on_monitor, on_monitor_ended, edge,
			 &edge->monitor);
	if (r < 0)
		return r;
	return channel_open(edge->base, &edge->core_port, on_core, on_core_ended, edge,
			    &edge->core);
}

int edge_main(const struct edge_setup *setup)
{
	enum process_kind kind = setup->service->kind;
	struct edge edge = {
		.setup = setup,
		.core_is_healthy = true,
		.monitor_port = { setup->monitor_fd, kind, PROCESS_MONITOR, PROCESS_STARTING },
		.core_port = { setup->core_fd, kind, PROCESS_CORE, PROCESS_STARTING },
	};
	struct event *terminate = NULL;
	int r;

	r = open_all(&edge, &terminate);
	if (!r)
		r = process_sandbox(kind, setup->reach);
	if (!r)
		r = say_ready(&edge);
	if (r < 0)
		return r;
	if (event_base_dispatch(edge.base) < 0)
		return fail(-EIO, "the event loop failed");
	/* The process ends here: its memory is the kernel's to take. */
	return edge.result;
}
