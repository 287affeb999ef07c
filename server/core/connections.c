/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table with linear probing over ids, which the monitor counts up: neighbours lie side by
 * side. Removing closes the gap, so that no marks pile up.
 */
#include "server/core/connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define SLOTS (1U << 16) /* a power of two */
#define MOST (SLOTS / 4 * 3)

struct slot {
	uint64_t id; /* 0: free */
	struct source_address source;
};

struct connections {
	size_t count, ended_count;
	struct slot slots[SLOTS];
	uint64_t ended[SLOTS];
};

int connections_open(struct connections **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void connections_close(struct connections *connections)
{
	free(connections);
}

/* Where the id is, or the free slot where it would be. */
static size_t place_of(const struct connections *connections, uint64_t id)
{
	size_t at = id % SLOTS;

	while (connections->slots[at].id && connections->slots[at].id != id)
		at = (at + 1) % SLOTS;
	return at;
}

int connections_add(struct connections *connections, uint64_t id,
		    const struct source_address *source)
{
	struct slot *slot = &connections->slots[place_of(connections, id)];

	if (id == 0 || slot->id)
		return fail(-EPROTO, "the monitor named a connection twice");
	if (connections->count == MOST)
		return fail(-ENOBUFS, "more than %u connections", MOST);
	*slot = (struct slot){ id, *source };
	connections->count++;
	return 0;
}

void connections_end(struct connections *connections, uint64_t id)
{
	if (id && connections_source(connections, id) && connections->ended_count < SLOTS)
		connections->ended[connections->ended_count++] = id;
}

size_t connections_ended(const struct connections *connections)
{
	return connections->ended_count;
}

void connections_remove(struct connections *connections, uint64_t id)
{
	size_t gap = place_of(connections, id);

	if (!connections->slots[gap].id)
		return;
	connections->slots[gap].id = 0;
	connections->count--;
	/* Moves back what was only here because the gap was taken. */
	for (size_t at = (gap + 1) % SLOTS; connections->slots[at].id; at = (at + 1) % SLOTS) {
		size_t home = connections->slots[at].id % SLOTS;

		if ((at - home) % SLOTS < (at - gap) % SLOTS)
			continue;
		connections->slots[gap] = connections->slots[at];
		connections->slots[at].id = 0;
		gap = at;
	}
}

void connections_forget(struct connections *connections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		connections_remove(connections, connections->ended[i]);
	connections->ended_count -= count;
	memmove(connections->ended, connections->ended + count,
		connections->ended_count * sizeof(connections->ended[0]));
}

const struct source_address *connections_source(const struct connections *connections, uint64_t id)
{
	const struct slot *slot = &connections->slots[place_of(connections, id)];

	return id && slot->id == id ? &slot->source : NULL;
}
