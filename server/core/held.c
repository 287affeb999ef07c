/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An array in no order. It is walked a few times a second at most, and only while somebody waits.
 */
#include "server/core/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

/* Of an item, what must be known to serve it again. */
struct waiting {
	struct message_exchange request;
	struct source_address source;
	size_t port;
	uint64_t until_ms;
};

struct held {
	size_t count;
	struct waiting waiting[HELD_MAX];
};

int held_open(struct held **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void held_close(struct held *held)
{
	free(held);
}

size_t held_count(const struct held *held)
{
	return held->count;
}

bool held_add(struct held *held, const struct unlock_item *item)
{
	struct waiting *waiting = &held->waiting[held->count];
	size_t alike = 0;

	for (size_t i = 0; i < held->count; i++)
		alike += memcmp(held->waiting[i].source.bytes, item->source.bytes,
				sizeof(item->source.bytes)) == 0;
	if (held->count == HELD_MAX || alike >= HELD_SOURCE_MAX)
		return false;
	*waiting = (struct waiting){ item->request, item->source, item->port, item->until_ms };
	if (!item->was_held)
		waiting->until_ms = item->now_ms + HELD_MS;
	held->count++;
	return true;
}

static void remove_at(struct held *held, size_t at)
{
	held->waiting[at] = held->waiting[--held->count];
}

void held_forget(struct held *held, uint64_t connection)
{
	for (size_t i = held->count; i-- > 0;)
		if (held->waiting[i].request.head.connection == connection)
			remove_at(held, i);
}

void held_forget_port(struct held *held, size_t port)
{
	for (size_t i = held->count; i-- > 0;)
		if (held->waiting[i].port == port)
			remove_at(held, i);
}

struct unlock_item held_look(const struct held *held, size_t at, uint64_t now_ms)
{
	const struct waiting *waiting = &held->waiting[at];

	return (struct unlock_item){ .request = waiting->request,
				     .source = waiting->source,
				     .port = waiting->port,
				     .now_ms = now_ms,
				     .until_ms = waiting->until_ms,
				     .was_held = true,
				     .is_last = waiting->until_ms <= now_ms };
}

struct unlock_item held_take(struct held *held, size_t at, uint64_t now_ms)
{
	struct unlock_item item = held_look(held, at, now_ms);

	remove_at(held, at);
	return item;
}
