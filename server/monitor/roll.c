/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See roll.h. Two chained hash tables of fixed size over a fixed pool: no allocation after the
 * start.
 */
#include "server/monitor/roll.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "common/err.h"

#define BUCKETS 4096
#define HOLDERS_MAX 80

struct slot {
	LIST_ENTRY(slot) by_id;
	LIST_ENTRY(slot) by_source;
	struct roll_entry entry;
};

LIST_HEAD(slot_list, slot);

struct roll {
	uint64_t last_id;
	uint64_t seed; /* so that nobody can aim at one bucket */
	size_t counts[HOLDERS_MAX];
	struct slot_list free;
	struct slot_list ids[BUCKETS];
	struct slot_list sources[BUCKETS];
	unsigned bucket_counts[BUCKETS]; /* of sources[] */
	struct slot slots[ROLL_MAX];
};

/* What counts as one source: an IPv4 address, or an IPv6 /64. */
static size_t source_bytes(const struct source_address *source)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(source->bytes, mapped, sizeof(mapped)) == 0 ? 16 : 8;
}

static bool same_source(const struct source_address *a, const struct source_address *b)
{
	size_t len = source_bytes(a);

	return len == source_bytes(b) && memcmp(a->bytes, b->bytes, len) == 0;
}

/* FNV-1a, seeded. */
static size_t source_bucket(const struct roll *roll, const struct source_address *source)
{
	size_t len = source_bytes(source);
	uint64_t hash = 14695981039346656037ULL ^ roll->seed;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ source->bytes[i]) * 1099511628211ULL;
	return (hash ^ (hash >> 32)) % BUCKETS;
}

/* The walk is needed only when the whole bucket has that many. */
static bool source_is_full(const struct roll *roll, size_t bucket,
			   const struct source_address *source)
{
	const struct slot *slot;
	unsigned alike = 0;

	if (roll->bucket_counts[bucket] < ROLL_PER_SOURCE_MAX)
		return false;
	LIST_FOREACH (slot, &roll->sources[bucket], by_source) {
		if (same_source(&slot->entry.source, source))
			alike++;
	}
	return alike >= ROLL_PER_SOURCE_MAX;
}

int roll_open(struct roll **ret)
{
	struct roll *roll = calloc(1, sizeof(*roll));

	if (!roll)
		return fail(-ENOMEM, "out of memory");
	if (getrandom(&roll->seed, sizeof(roll->seed), 0) != sizeof(roll->seed)) {
		free(roll);
		return fail(-EIO, "no random numbers to be had");
	}
	for (size_t i = 0; i < ROLL_MAX; i++)
		LIST_INSERT_HEAD(&roll->free, &roll->slots[i], by_id);
	*ret = roll;
	return 0;
}

void roll_close(struct roll *roll)
{
	free(roll);
}

int roll_add(struct roll *roll, unsigned holder, const struct source_address *source,
	     uint64_t *ret_id)
{
	size_t bucket = source_bucket(roll, source);
	struct slot *slot = LIST_FIRST(&roll->free);

	if (!slot || holder >= HOLDERS_MAX)
		return ROLL_FULL;
	if (source_is_full(roll, bucket, source))
		return ROLL_SOURCE_FULL;
	LIST_REMOVE(slot, by_id);
	slot->entry.id = ++roll->last_id;
	slot->entry.holder = holder;
	slot->entry.source = *source;
	LIST_INSERT_HEAD(&roll->ids[slot->entry.id % BUCKETS], slot, by_id);
	LIST_INSERT_HEAD(&roll->sources[bucket], slot, by_source);
	roll->bucket_counts[bucket]++;
	roll->counts[holder]++;
	*ret_id = slot->entry.id;
	return 0;
}

bool roll_remove(struct roll *roll, uint64_t id, unsigned holder)
{
	struct slot *slot;

	LIST_FOREACH (slot, &roll->ids[id % BUCKETS], by_id) {
		if (slot->entry.id == id)
			break;
	}
	if (!slot || slot->entry.holder != holder)
		return false;
	roll->bucket_counts[source_bucket(roll, &slot->entry.source)]--;
	LIST_REMOVE(slot, by_id);
	LIST_REMOVE(slot, by_source);
	LIST_INSERT_HEAD(&roll->free, slot, by_id);
	roll->counts[holder]--;
	return true;
}

bool roll_any(const struct roll *roll, unsigned holder, struct roll_entry *ret)
{
	if (roll_count(roll, holder) == 0)
		return false;
	for (size_t i = 0; i < BUCKETS; i++) {
		const struct slot *slot;

		LIST_FOREACH (slot, &roll->ids[i], by_id) {
			if (slot->entry.holder == holder) {
				*ret = slot->entry;
				return true;
			}
		}
	}
	return false;
}

size_t roll_count(const struct roll *roll, unsigned holder)
{
	return holder < HOLDERS_MAX ? roll->counts[holder] : 0;
}
