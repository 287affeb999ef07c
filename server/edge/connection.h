/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between edge.c (the process) and connection.c (one TLS connection): the state they share.
 */
#pragma once

#include <sys/queue.h>

#include "server/edge/channel.h"
#include "server/edge/edge.h"

#define EDGE_BUCKETS 1024

struct event;
LIST_HEAD(connection_list, connection);

struct edge {
	const struct edge_setup *setup;
	struct event_base *base;
	struct ssl_ctx_st *tls;
	struct message_port monitor_port, core_port;
	struct channel *monitor, *core;
	struct connection_list buckets[EDGE_BUCKETS]; /* by connection id */
	size_t count;
	uint64_t last_request;
	bool core_is_healthy;
	bool stopping;
	int result;
};

/* Takes the socket, also on failure. */
int connection_start(struct edge *edge, const struct message_connection *opened, int fd) MUST_CHECK;

/* NULL: closed meanwhile. */
struct connection *connection_find(struct edge *edge, uint64_t id);

/* Hands an answer of core to the service, if this connection still waits for it. */
void connection_core_answered(struct connection *connection, const union message *message);

/* Closes those that aren't in the middle of something. */
void connection_close_idle(struct edge *edge);

/* Tells core and monitor that a connection is over. */
void edge_connection_done(struct edge *edge, uint64_t id);
