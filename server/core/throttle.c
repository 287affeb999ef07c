/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small table of sources with recent mistakes. When it is full, the one that has been quiet the
 * longest makes room.
 */
#include "server/core/throttle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define SOURCES_MAX 1024
#define FREE_MISTAKES 5
#define FIRST_PAUSE_MS 1000ULL
#define LONGEST_PAUSE_MS (3600 * 1000ULL)
#define FORGET_MS (3600 * 1000ULL)

struct guesser {
	struct cidr source;
	unsigned mistakes;
	uint64_t last_ms, until_ms;
};

struct throttle {
	size_t count;
	struct guesser guessers[SOURCES_MAX];
};

int throttle_open(struct throttle **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void throttle_close(struct throttle *throttle)
{
	free(throttle);
}

static struct guesser *find(struct throttle *throttle, const struct source_address *source)
{
	struct cidr wanted = cidr_registered(source);

	for (size_t i = 0; i < throttle->count; i++)
		if (memcmp(&throttle->guessers[i].source, &wanted, sizeof(wanted)) == 0)
			return &throttle->guessers[i];
	return NULL;
}

static struct guesser *make_room(struct throttle *throttle)
{
	struct guesser *quietest = &throttle->guessers[0];

	if (throttle->count < SOURCES_MAX)
		return &throttle->guessers[throttle->count++];
	for (size_t i = 1; i < throttle->count; i++)
		if (throttle->guessers[i].last_ms < quietest->last_ms)
			quietest = &throttle->guessers[i];
	return quietest;
}

bool throttle_allows(struct throttle *throttle, const struct source_address *source,
		     uint64_t now_ms)
{
	const struct guesser *guesser = find(throttle, source);

	return !guesser || now_ms >= guesser->until_ms;
}

static uint64_t pause_ms(unsigned mistakes)
{
	unsigned doublings = mistakes - FREE_MISTAKES;

	if (mistakes < FREE_MISTAKES)
		return 0;
	return doublings >= 12 ? LONGEST_PAUSE_MS
			       : MIN(FIRST_PAUSE_MS << doublings, LONGEST_PAUSE_MS);
}

void throttle_failed(struct throttle *throttle, const struct source_address *source,
		     uint64_t now_ms)
{
	struct guesser *guesser = find(throttle, source);

	if (!guesser || now_ms - guesser->last_ms > FORGET_MS) {
		if (!guesser)
			guesser = make_room(throttle);
		*guesser = (struct guesser){ .source = cidr_registered(source) };
	}
	guesser->mistakes++;
	guesser->last_ms = now_ms;
	guesser->until_ms = now_ms + pause_ms(guesser->mistakes);
}
