/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the listener to a child: accept, enter into the roll, tell core the address, then hand the
 * socket over. Core hears first, always; when it can't, the connection is closed.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/monitor/internal.h"
#include "server/monitor/listen.h"

#define ACCEPT_AT_ONCE 64 /* then other events get their turn */
/* A storm of connections waits in the kernel's backlog while core or a front catches up. */
#define HAND_WAIT_MS 1000

/* The ready child of this kind that has the fewest connections. */
static struct child *choose(struct monitor *monitor, enum process_kind kind)
{
	struct child *best = NULL;

	for (size_t i = 0; i < monitor->children_count; i++) {
		struct child *child = &monitor->children[i];

		if (child->kind != kind || !child->ready)
			continue;
		if (!best || roll_count(monitor->roll, child->number) <
				     roll_count(monitor->roll, best->number))
			best = child;
	}
	return best;
}

/* At most once a second: a flood must not become a flood of lines. */
static void complain(struct monitor *monitor, const char *why)
{
	time_t now = time(NULL);

	if (now == monitor->last_complaint_s)
		return;
	monitor->last_complaint_s = now;
	log_warning("connections are refused: %s", why);
}

static void tell_closed(struct monitor *monitor, const struct roll_entry *entry)
{
	union message message;
	int r;

	if (!monitor->children[0].ready)
		return; /* it will start with nothing to forget */
	message_start(&message, MESSAGE_CONNECTION_CLOSED, entry->id, 0);
	message.connection.source = entry->source;
	r = channel_send(monitor->children[0].channel, &message);
	if (r) { /* core would hold on to it for ever: all start anew */
		log_error("core doesn't take the end of a connection: it is killed");
		kill(monitor->children[0].pid, SIGKILL);
		monitor->children[0].ready = false;
	}
}

static const char *hand_over(struct monitor *monitor, struct child *child, int fd,
			     const struct source_address *source)
{
	struct roll_entry entry = { .holder = child->number, .source = *source };
	union message message;
	int r;

	r = roll_add(monitor->roll, child->number, source, &entry.id);
	if (r)
		return r == ROLL_FULL ? "too many at once" : "too many from one source";
	message_start(&message, MESSAGE_CONNECTION_OPEN, entry.id, 0);
	message.connection.source = *source;
	r = channel_send_now(monitor->children[0].channel, &message, -1, HAND_WAIT_MS);
	if (r) {
		roll_remove(monitor->roll, entry.id, child->number);
		return "core is overloaded";
	}
	message_start(&message, MESSAGE_SOCKET, entry.id, 0);
	message.connection.source = *source;
	r = channel_send_now(child->channel, &message, fd, HAND_WAIT_MS);
	if (r) {
		roll_remove(monitor->roll, entry.id, child->number);
		tell_closed(monitor, &entry);
		return "the front is overloaded";
	}
	return NULL;
}

void hand_accepted(struct monitor *monitor, enum process_kind kind, int fd,
		   const struct source_address *source)
{
	CLEANUP_CLOSE int owned = fd;
	struct child *child = choose(monitor, kind);
	const char *why;

	if (!child || !monitor->children[0].ready)
		why = "a process is being started again";
	else
		why = hand_over(monitor, child, owned, source);
	if (why)
		complain(monitor, why);
}

void hand_accept(struct monitor *monitor, int listener, enum process_kind kind)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct source_address source;
		int fd, r;

		r = listen_accept(listener, &fd, &source);
		if (r == LISTEN_EXHAUSTED) {
			complain(monitor, "no file descriptors left");
			monitor_pause_accepting(monitor);
		}
		if (r < 0)
			log_failure(r);
		if (r)
			return;
		if (!proxy_is_peer(monitor, &source)) {
			hand_accepted(monitor, kind, fd, &source);
			continue;
		}
		r = proxy_wait(monitor, kind, fd, &source);
		if (r < 0)
			complain(monitor, fail_text());
	}
}

void hand_forget(struct monitor *monitor, struct child *child)
{
	struct roll_entry entry;

	while (roll_any(monitor->roll, child->number, &entry)) {
		roll_remove(monitor->roll, entry.id, entry.holder);
		tell_closed(monitor, &entry);
	}
}
