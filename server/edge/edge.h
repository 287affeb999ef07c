/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What front and admin have in common: an event loop that takes sockets from the monitor, speaks
 * TLS and HTTP on them with deadlines, and asks core. What a request means is the service's
 * business.
 */
#pragma once

#include "server/edge/http.h"
#include "server/message_io.h"

struct connection;
struct edge;
struct event_base;

/* Deadlines in seconds; absolute, so that trickling bytes doesn't move them. */
#define EDGE_REQUEST_S 10 /* handshake and request, or a further request from its first byte */
#define EDGE_IDLE_S 15	  /* between requests */
#define EDGE_WAIT_S 30	  /* for core; longer than it ever holds a request (25 s) */
#define EDGE_WRITE_S 10
#define EDGE_WRITE_BYTES_PER_S (16 * KIB) /* the slowest reader that gets a long body */
#define EDGE_LINGER_S 2			  /* after our goodbye */
#define EDGE_STOP_S 5			  /* for what is under way at SIGTERM */

struct edge_service {
	enum process_kind kind;
	size_t body_max_bytes;
	/* Must end in exactly one connection_answer(), now or when core has answered. The request's
	 * pieces are valid during the call only. */
	void (*handle)(struct connection *connection, const struct request *request);
	/* Core's answer to this connection's question. Must end in connection_answer(). */
	void (*core_answered)(struct connection *connection, const union message *message);
	/* An answer for a request that can't be understood, or has waited too long. */
	void (*refuse)(struct connection *connection, int status);
};

struct edge_setup {
	int monitor_fd, core_fd;
	const struct edge_service *service;
	void *context; /* the service's own */
	const char *chain_path, *key_path;
	enum process_reach reach; /* of the service's store, if it has one */
};

/* Opens everything, enters the sandbox, says READY, serves until SIGTERM or the monitor's end.
 * 0 or negative with a sentence. */
int edge_main(const struct edge_setup *setup) MUST_CHECK;

/* --- for services ---------------------------------------------------------------------------- */

void *connection_context(const struct connection *connection);
const struct source_address *connection_source(const struct connection *connection);

/* Is core able to answer? */
bool connection_core_is_healthy(const struct connection *connection);

/* Sends the answer in one write; closes behind it when the answer or the client says so. Errors
 * (400 and above) always close. */
void connection_answer(struct connection *connection, const struct answer *answer);

/* Asks core: fills the head and sends. False: overload, nothing was asked. */
bool connection_ask(struct connection *connection, union message *question);

/* Something of the service's own for the time until core answers; freed by free() with the answer
 * or the connection. */
void connection_keep(struct connection *connection, void *malloced);
void *connection_kept(const struct connection *connection);
