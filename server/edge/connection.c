/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TLS connection: reads a request, lets the service answer, writes, goes on or says goodbye.
 * One absolute deadline per state. Knows no route and no policy.
 */
#include "server/edge/connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/edge/tls.h"

enum connection_state {
	STATE_IDLE,    /* between requests */
	STATE_READING, /* handshake, or a part of a request is here */
	STATE_WAITING, /* the service has the request */
	STATE_WRITING,
	STATE_GOODBYE, /* close_notify sent: waits for the client to see it */
};

static const int state_deadline_s[] = {
	[STATE_IDLE] = EDGE_IDLE_S,	 [STATE_READING] = EDGE_REQUEST_S,
	[STATE_WAITING] = EDGE_WAIT_S,	 [STATE_WRITING] = EDGE_WRITE_S,
	[STATE_GOODBYE] = EDGE_LINGER_S,
};

struct connection {
	LIST_ENTRY(connection) next;
	struct edge *edge;
	uint64_t id;
	struct source_address source;
	struct bufferevent *buffer;
	struct event *deadline;
	enum connection_state state;
	uint64_t request; /* what core was asked last; 0: nothing is open */
	bool keep_alive;  /* the client wants it */
	bool close;	  /* after the answer being written */
	void *kept;
};

static void enter(struct connection *connection, enum connection_state state)
{
	struct evbuffer *output = bufferevent_get_output(connection->buffer);
	struct timeval after = { .tv_sec = state_deadline_s[state] };

	if (state == STATE_WRITING) /* a bootstrapper is megabytes */
		after.tv_sec += (time_t)(evbuffer_get_length(output) / EDGE_WRITE_BYTES_PER_S);
	connection->state = state;
	event_add(connection->deadline, &after);
}

static void forget_question(struct connection *connection)
{
	connection->request = 0;
	free(TAKE_PTR(connection->kept));
}

static void connection_close(struct connection *connection)
{
	struct edge *edge = connection->edge;

	LIST_REMOVE(connection, next);
	edge->count--;
	forget_question(connection);
	if (connection->deadline)
		event_free(connection->deadline);
	if (connection->buffer)
		bufferevent_free(connection->buffer);
	edge_connection_done(edge, connection->id);
	free(connection);
}

/* Our side is said; the client's rest is thrown away, so that it reads the answer and not a
 * reset. */
static void say_goodbye(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->buffer);

	tls_finish(connection->buffer);
	shutdown(bufferevent_getfd(connection->buffer), SHUT_WR);
	evbuffer_drain(input, evbuffer_get_length(input));
	enter(connection, STATE_GOODBYE);
}

/* One request at a time: what is behind it waits in the buffer. */
static void take_request(struct connection *connection)
{
	const struct edge_service *service = connection->edge->setup->service;
	struct evbuffer *input = bufferevent_get_input(connection->buffer);
	size_t len = evbuffer_get_length(input);
	struct request request;
	size_t used;
	int r;

	if (len == 0) {
		if (connection->state != STATE_IDLE)
			enter(connection, STATE_IDLE);
		return;
	}
	if (connection->state != STATE_READING)
		enter(connection, STATE_READING);
	r = http_parse(evbuffer_pullup(input, -1), len, service->body_max_bytes, &request, &used);
	if (r == HTTP_INCOMPLETE)
		return;
	enter(connection, STATE_WAITING);
	if (r) {
		service->refuse(connection, r);
		return;
	}
	connection->keep_alive = request.keep_alive;
	service->handle(connection, &request);
	/* handle() may have answered, but never frees: that happens in callbacks only. */
	evbuffer_drain(input, used);
}

static void on_read(struct bufferevent *buffer, void *userdata)
{
	struct connection *connection = userdata;
	struct evbuffer *input = bufferevent_get_input(buffer);

	if (connection->state == STATE_IDLE || connection->state == STATE_READING)
		take_request(connection);
	else if (connection->state == STATE_GOODBYE)
		evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_written(struct bufferevent *buffer, void *userdata)
{
	struct connection *connection = userdata;

	if (connection->state != STATE_WRITING ||
	    evbuffer_get_length(bufferevent_get_output(buffer)) > 0)
		return;
	if (connection->close) {
		say_goodbye(connection);
		return;
	}
	take_request(connection);
}

static void on_event(struct bufferevent *buffer, short what, void *userdata)
{
	struct connection *connection = userdata;

	(void)buffer;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		connection_close(connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	struct connection *connection = userdata;

	(void)fd;
	(void)what;
	if (connection->state != STATE_WAITING) {
		connection_close(connection);
		return;
	}
	connection->edge->setup->service->refuse(connection, 503);
}

static void drop(struct connection *connection)
{
	connection_close(connection);
}
DEFINE_CLEANUP(struct connection *, drop);

int connection_start(struct edge *edge, const struct message_connection *opened, int fd)
{
	CLEANUP_CLOSE int owned = fd;
	CLEANUP(dropp) struct connection *connection = calloc(1, sizeof(*connection));
	size_t most = HTTP_HEADER_MAX_BYTES + edge->setup->service->body_max_bytes;
	int r;

	if (!connection) {
		edge_connection_done(edge, opened->head.connection);
		return fail(-ENOMEM, "out of memory");
	}
	connection->edge = edge;
	connection->id = opened->head.connection;
	connection->source = opened->source;
	LIST_INSERT_HEAD(&edge->buckets[connection->id % EDGE_BUCKETS], connection, next);
	edge->count++;
	connection->deadline = event_new(edge->base, -1, 0, on_deadline, connection);
	if (!connection->deadline)
		return fail(-ENOMEM, "out of memory");
	r = tls_accept(edge->tls, edge->base, TAKE_FD(owned), &connection->buffer);
	if (r < 0)
		return r;
	bufferevent_setcb(connection->buffer, on_read, on_written, on_event, connection);
	bufferevent_setwatermark(connection->buffer, EV_READ, 0, most);
	if (bufferevent_enable(connection->buffer, EV_READ | EV_WRITE))
		return fail(-ENOMEM, "can't watch the socket");
	enter(connection, STATE_READING);
	(void)TAKE_PTR(connection);
	return 0;
}

struct connection *connection_find(struct edge *edge, uint64_t id)
{
	struct connection *connection;

	LIST_FOREACH (connection, &edge->buckets[id % EDGE_BUCKETS], next) {
		if (connection->id == id)
			return connection;
	}
	return NULL;
}

void connection_close_idle(struct edge *edge)
{
	for (size_t i = 0; i < EDGE_BUCKETS; i++) {
		struct connection *connection = LIST_FIRST(&edge->buckets[i]);

		while (connection) {
			struct connection *next = LIST_NEXT(connection, next);

			if (connection->state == STATE_IDLE || connection->state == STATE_READING)
				connection_close(connection);
			connection = next;
		}
	}
}

void connection_core_answered(struct connection *connection, const union message *message)
{
	if (connection->state != STATE_WAITING || connection->request != message->head.request)
		return; /* it has waited too long and was told 503 */
	connection->edge->setup->service->core_answered(connection, message);
}

void *connection_context(const struct connection *connection)
{
	return connection->edge->setup->context;
}

const struct source_address *connection_source(const struct connection *connection)
{
	return &connection->source;
}

bool connection_core_is_healthy(const struct connection *connection)
{
	return connection->edge->core_is_healthy;
}

void connection_keep(struct connection *connection, void *malloced)
{
	free(connection->kept);
	connection->kept = malloced;
}

void *connection_kept(const struct connection *connection)
{
	return connection->kept;
}

bool connection_ask(struct connection *connection, union message *question)
{
	struct edge *edge = connection->edge;
	int r;

	question->head.connection = connection->id;
	question->head.request = ++edge->last_request;
	r = channel_send(edge->core, question);
	if (r < 0)
		log_failure(r);
	if (r)
		return false;
	connection->request = question->head.request;
	return true;
}

void connection_answer(struct connection *connection, const struct answer *answer)
{
	struct answer full = *answer;
	struct evbuffer *output = bufferevent_get_output(connection->buffer);
	CLEANUP_FREE char *text = NULL;
	size_t len;

	full.close = answer->close || answer->status >= 400 || !connection->keep_alive ||
		     connection->edge->stopping;
	connection->close = full.close;
	connection->keep_alive = false; /* until the next request says so */
	forget_question(connection);
	if (http_print(&full, &text, &len) < 0 || evbuffer_add(output, text, len)) {
		log_error("out of memory: an answer is lost");
		say_goodbye(connection);
		return;
	}
	enter(connection, STATE_WRITING);
}
