/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See rate.h. Two sources that fall into one slot share it only if both are busy: the one who was
 * quiet longest is forgotten.
 */
#include "server/rate.h"

#include <errno.h>
#include <string.h>

#include "common/aead.h"
#include "common/cleanup.h"
#include "common/err.h"

#define WAYS 4
#define SETS 1024

static const struct {
	uint64_t per_s, burst;
} classes[RATE_CLASS_COUNT] = {
	[RATE_CLASS_PUBLIC] = { 50, 500 },   [RATE_CLASS_ENROLL] = { 20, 200 },
	[RATE_CLASS_REPORT] = { 100, 1000 }, [RATE_CLASS_PEOPLE] = { 50, 500 },
	[RATE_CLASS_FAILED] = { 2, 200 },    [RATE_CLASS_DEVICE] = { 50, 1000 },
};

struct bucket {
	uint8_t class; /* 0: free */
	uint8_t source[16];
	uint64_t tokens_milli;
	uint64_t seen_ms;
};

struct rate_table {
	uint64_t seed;
	struct bucket sets[SETS][WAYS];
};

int rate_open(struct rate_table **ret)
{
	struct rate_table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return fail(-ENOMEM, "out of memory");
	r = random_bytes(&table->seed, sizeof(table->seed));
	if (r < 0) {
		free(table);
		return r;
	}
	*ret = table;
	return 0;
}

void rate_close(struct rate_table *table)
{
	free(table);
}

static size_t set_of(const struct rate_table *table, enum rate_class class,
		     const struct source_address *source)
{
	uint64_t hash = 14695981039346656037ULL ^ table->seed ^ class;

	for (size_t i = 0; i < sizeof(source->bytes); i++)
		hash = (hash ^ source->bytes[i]) * 1099511628211ULL;
	return (hash ^ (hash >> 32)) % SETS;
}

static bool is_of(const struct bucket *bucket, enum rate_class class,
		  const struct source_address *source)
{
	return bucket->class == class && memcmp(bucket->source, source->bytes, 16) == 0;
}

static struct bucket *find(struct rate_table *table, enum rate_class class,
			   const struct source_address *source)
{
	struct bucket *set = table->sets[set_of(table, class, source)], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (is_of(&set[i], class, source))
			return &set[i];
		if (set[i].seen_ms < oldest->seen_ms)
			oldest = &set[i];
	}
	oldest->class = (uint8_t) class;
	memcpy(oldest->source, source->bytes, 16);
	oldest->tokens_milli = classes[class].burst * 1000;
	oldest->seen_ms = 0;
	return oldest;
}

static uint64_t tokens_at(const struct bucket *bucket, uint64_t now_ms)
{
	uint64_t most = classes[bucket->class].burst * 1000, tokens = bucket->tokens_milli;

	if (bucket->seen_ms > 0 && now_ms > bucket->seen_ms)
		tokens += MIN((now_ms - bucket->seen_ms) * classes[bucket->class].per_s, most);
	return MIN(tokens, most);
}

bool rate_allows(struct rate_table *table, enum rate_class class,
		 const struct source_address *source, uint64_t now_ms)
{
	struct bucket *bucket = find(table, class, source);

	bucket->tokens_milli = tokens_at(bucket, now_ms);
	bucket->seen_ms = MAX(now_ms, bucket->seen_ms);
	if (bucket->tokens_milli < 1000)
		return false;
	bucket->tokens_milli -= 1000;
	return true;
}

bool rate_is_used_up(const struct rate_table *table, enum rate_class class,
		     const struct source_address *source, uint64_t now_ms)
{
	const struct bucket *set = table->sets[set_of(table, class, source)];

	for (size_t i = 0; i < WAYS; i++)
		if (is_of(&set[i], class, source))
			return tokens_at(&set[i], now_ms) < 1000;
	return false;
}
