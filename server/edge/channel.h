/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message pair in an event loop: receives as messages come, sends at once or from a bounded
 * queue, in order. Knows the table (through message_io.h) and no meaning.
 */
#pragma once

#include "server/message_io.h"

#define CHANNEL_QUEUE_MAX 4096 /* messages */

struct channel;
struct event_base;

/* fd: a socket that came along, or -1; the receiver owns it. The receiver may free the channel only
 * from channel_ended. */
typedef void (*channel_received)(void *userdata, const union message *message, int fd);
/* r: 0 the peer is gone; negative: it broke the contract (sentence in fail_text()). */
typedef void (*channel_ended)(void *userdata, int r);

/* Makes port->fd non-blocking; it stays the caller's and must outlive the channel. The port is
 * read at each send, so that the caller may change its state. */
int channel_open(struct event_base *base, const struct message_port *port,
		 channel_received received, channel_ended ended, void *userdata,
		 struct channel **ret) MUST_CHECK;
void channel_close(struct channel *channel);

/* Sends or queues. MESSAGE_LATER: the queue is full, nothing was sent. */
int channel_send(struct channel *channel, const union message *message) MUST_CHECK;

/* Sends before it returns or not at all (MESSAGE_LATER), with a socket or -1; waits so long for the
 * peer to make room (0: not at all). */
int channel_send_now(struct channel *channel, const union message *message, int fd,
		     int wait_ms) MUST_CHECK;
