/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See rate.h. Two sources that fall into one slot share it only if both are busy: the one who was
 * quiet longest is forgotten.
 */
#include "server/admin/rate.h"

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
	[RATE_CLASS_PUBLIC] = { 50, 500 },
	[RATE_CLASS_ENROLL] = { 20, 200 },
	[RATE_CLASS_REPORT] = { 100, 1000 },
	[RATE_CLASS_PEOPLE] = { 50, 500 },
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

static struct bucket *find(struct rate_table *table, enum rate_class class,
			   const struct source_address *source)
{
	uint64_t hash = 14695981039346656037ULL ^ table->seed ^ class;
	struct bucket *set, *oldest;

	for (size_t i = 0; i < sizeof(source->bytes); i++)
		hash = (hash ^ source->bytes[i]) * 1099511628211ULL;
	set = table->sets[(hash ^ (hash >> 32)) % SETS];
	oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].class == class && memcmp(set[i].source, source->bytes, 16) == 0)
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

bool rate_allows(struct rate_table *table, enum rate_class class,
		 const struct source_address *source, uint64_t now_ms)
{
	struct bucket *bucket = find(table, class, source);
	uint64_t most = classes[class].burst * 1000;

	if (bucket->seen_ms > 0 && now_ms > bucket->seen_ms)
		bucket->tokens_milli += MIN((now_ms - bucket->seen_ms) * classes[class].per_s,
					    most);
	bucket->tokens_milli = MIN(bucket->tokens_milli, most);
	bucket->seen_ms = MAX(now_ms, bucket->seen_ms);
	if (bucket->tokens_milli < 1000)
		return false;
	bucket->tokens_milli -= 1000;
	return true;
}
