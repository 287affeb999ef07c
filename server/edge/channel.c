/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See channel.h. One event for reading, one for writing that is armed only while something is
 * queued.
 */
#include "server/edge/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/secret.h"

#define RECEIVE_AT_ONCE 64 /* then other events get their turn */

struct queued {
	STAILQ_ENTRY(queued) next;
	size_t message_bytes;
	union message message; /* the tail behind its size isn't allocated */
};

struct channel {
	const struct message_port *port;
	struct event *readable, *writable;
	channel_received received;
	channel_ended ended;
	void *userdata;
	STAILQ_HEAD(, queued) queue;
	size_t queue_len;
};

/* Messages may hold an enrollment key. */
static void forget_first(struct channel *channel)
{
	struct queued *first = STAILQ_FIRST(&channel->queue);

	STAILQ_REMOVE_HEAD(&channel->queue, next);
	channel->queue_len--;
	secret_wipe(first->message.bytes, first->message_bytes);
	free(first);
}

static void end(struct channel *channel, int r)
{
	event_del(channel->readable);
	event_del(channel->writable);
	channel->ended(channel->userdata, r);
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;
	union message message;

	(void)fd;
	(void)what;
	for (int i = 0; i < RECEIVE_AT_ONCE; i++) {
		int passed = -1;
		int r = message_receive(channel->port, &message, &passed);

		if (r == MESSAGE_LATER)
			return;
		if (r) {
			end(channel, MIN(r, 0));
			return;
		}
		channel->received(channel->userdata, &message, passed);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct channel *channel = userdata;
	struct queued *first;

	(void)fd;
	(void)what;
	while ((first = STAILQ_FIRST(&channel->queue)) != NULL) {
		int r = message_send(channel->port, &first->message, -1);

		if (r == MESSAGE_LATER)
			return;
		forget_first(channel);
		if (r) {
			end(channel, MIN(r, 0));
			return;
		}
	}
	event_del(channel->writable);
}

static void channel_free(struct channel *channel)
{
	channel_close(channel);
}
DEFINE_CLEANUP(struct channel *, channel_free);

int channel_open(struct event_base *base, const struct message_port *port,
		 channel_received received, channel_ended ended, void *userdata,
		 struct channel **ret)
{
	CLEANUP(channel_freep) struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return fail(-ENOMEM, "out of memory");
	STAILQ_INIT(&channel->queue);
	channel->port = port;
	channel->received = received;
	channel->ended = ended;
	channel->userdata = userdata;
	if (evutil_make_socket_nonblocking(port->fd))
		return fail(-errno, "can't use the pair to %s: %m", process_table[port->peer].name);
	channel->readable = event_new(base, port->fd, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writable = event_new(base, port->fd, EV_WRITE | EV_PERSIST, on_writable, channel);
	if (!channel->readable || !channel->writable || event_add(channel->readable, NULL))
		return fail(-ENOMEM, "can't watch the pair to %s", process_table[port->peer].name);
	*ret = TAKE_PTR(channel);
	return 0;
}

void channel_close(struct channel *channel)
{
	while (!STAILQ_EMPTY(&channel->queue))
		forget_first(channel);
	if (channel->readable)
		event_free(channel->readable);
	if (channel->writable)
		event_free(channel->writable);
	free(channel);
}

int channel_send_now(struct channel *channel, const union message *message, int fd, int wait_ms)
{
	struct pollfd room = { .fd = channel->port->fd, .events = POLLOUT };
	int r;

	if (channel->queue_len > 0)
		return MESSAGE_LATER;
	r = message_send(channel->port, message, fd);
	if (r == MESSAGE_LATER && wait_ms > 0 && poll(&room, 1, wait_ms) == 1)
		r = message_send(channel->port, message, fd);
	return r;
}

int channel_send(struct channel *channel, const union message *message)
{
	const struct message_rule *rule = process_rule(message->head.type, channel->port->self,
						       channel->port->peer);
	struct queued *queued;
	int r;

	r = channel_send_now(channel, message, -1, 0);
	if (r != MESSAGE_LATER || !rule)
		return r;
	if (channel->queue_len == CHANNEL_QUEUE_MAX)
		return MESSAGE_LATER;
	queued = malloc(offsetof(struct queued, message) + rule->size_bytes);
	if (!queued)
		return MESSAGE_LATER;
	queued->message_bytes = rule->size_bytes;
	memcpy(&queued->message, message, rule->size_bytes);
	STAILQ_INSERT_TAIL(&channel->queue, queued, next);
	channel->queue_len++;
	if (event_add(channel->writable, NULL))
		return fail(-ENOMEM, "can't watch the pair to %s",
			    process_table[channel->port->peer].name);
	return 0;
}
