/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting for the PROXY header of a connection from a configured peer: the only bytes the monitor
 * reads. Takes exactly the header; what is behind it stays in the socket for the front.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/monitor/internal.h"
#include "server/monitor/proxy.h"

#define PROXY_WAIT_S 5
#define PROXY_WAITING_MAX 1024

struct proxy_waiting {
	struct monitor *monitor;
	enum process_kind kind;
	struct source_address peer;
	struct event *event;
	time_t since_s;
	int fd;
	size_t len;
	uint8_t data[PROXY_MAX_BYTES];
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void waiting_free(struct proxy_waiting *waiting)
{
	waiting->monitor->proxies_waiting--;
	if (waiting->event)
		event_free(waiting->event);
	if (waiting->fd >= 0)
		close(waiting->fd);
	free(waiting);
}
DEFINE_CLEANUP(struct proxy_waiting *, waiting_free);

/* Reads what is there without taking a byte behind the header. 0: complete. */
static int read_header(struct proxy_waiting *waiting, struct proxy_header *ret)
{
	size_t room = sizeof(waiting->data) - waiting->len;
	ssize_t peeked = recv(waiting->fd, waiting->data + waiting->len, room, MSG_PEEK);
	size_t take;
	int r;

	if (peeked < 0 && (errno == EAGAIN || errno == EINTR))
		return PROXY_INCOMPLETE;
	if (peeked <= 0)
		return fail(-ECONNRESET, "the connection ended within its PROXY header");
	r = proxy_parse(waiting->data, waiting->len + (size_t)peeked, ret);
	if (r < 0)
		return r;
	take = r == 0 ? ret->used_bytes - waiting->len : (size_t)peeked;
	if (recv(waiting->fd, waiting->data + waiting->len, take, 0) != (ssize_t)take)
		return fail(-EIO, "can't take the PROXY header");
	waiting->len += take;
	return r;
}

static void on_header(evutil_socket_t fd, short what, void *userdata)
{
	struct proxy_waiting *waiting = userdata;
	struct proxy_header header = { .has_source = false };
	/* libevent's own timeout begins anew with each byte; this one doesn't. */
	bool is_late = now_s() - waiting->since_s >= PROXY_WAIT_S;
	int r = what & EV_TIMEOUT || is_late ? -ETIMEDOUT : read_header(waiting, &header);

	(void)fd;
	if (r == PROXY_INCOMPLETE)
		return;
	if (r < 0)
		log_warning("a proxy's connection is closed: %s",
			    r == -ETIMEDOUT ? "no PROXY header in time" : fail_text());
	else
		hand_accepted(waiting->monitor, waiting->kind, TAKE_FD(waiting->fd),
			      header.has_source ? &header.source : &waiting->peer);
	waiting_free(waiting);
}

bool proxy_is_peer(const struct monitor *monitor, const struct source_address *peer)
{
	return monitor->setup->proxies && cidr_list_contains(monitor->setup->proxies, peer);
}

int proxy_wait(struct monitor *monitor, enum process_kind kind, int fd,
	       const struct source_address *peer)
{
	const struct timeval after = { .tv_sec = PROXY_WAIT_S };
	CLEANUP_CLOSE int owned = fd;
	CLEANUP(waiting_freep) struct proxy_waiting *waiting = NULL;

	if (monitor->proxies_waiting == PROXY_WAITING_MAX)
		return fail(-EBUSY, "too many connections wait for their PROXY header");
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return fail(-ENOMEM, "out of memory");
	monitor->proxies_waiting++;
	waiting->monitor = monitor;
	waiting->kind = kind;
	waiting->peer = *peer;
	waiting->since_s = now_s();
	waiting->fd = TAKE_FD(owned);
	waiting->event = event_new(monitor->base, waiting->fd, EV_READ | EV_PERSIST | EV_TIMEOUT,
				   on_header, waiting);
	if (!waiting->event || event_add(waiting->event, &after))
		return fail(-ENOMEM, "can't watch the socket");
	(void)TAKE_PTR(waiting);
	return 0;
}
