/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See states.h.
 */
#include "tests/fault/states.h"

#include <string.h>

void states_advance(struct states *states, size_t cut)
{
	while (states->cut < cut) {
		states->cut++;
		for (size_t i = 0; i < states->cut; i++) {
			if (states->log->events[i].durable_at == states->cut)
				machine_apply(&states->durable, &states->log->events[i]);
		}
	}
}

/* A cut that differs from the one before only by more bytes in a file that nobody reads yet: one in
 * sixteen of them is enough. */
static bool is_dull(const struct log *log, size_t cut)
{
	const struct event *last = &log->events[cut - 1];

	return last->file != DEVICE_FILE && last->kind == EVENT_WRITE;
}

#define DULL_STEP 16

static bool has_unflushed(const struct log *log, size_t cut)
{
	for (size_t i = 0; i < cut; i++) {
		if (log->events[i].durable_at > cut && log->events[i].kind < EVENT_SYNC)
			return true;
	}
	return false;
}

/* Sectors that may be there or not: with few of them most draws would be the same. */
static size_t open_sectors(const struct log *log, size_t cut)
{
	size_t sectors = 0;

	for (size_t i = 0; i < cut; i++) {
		const struct event *event = &log->events[i];

		if (event->durable_at > cut && event->kind < EVENT_SYNC)
			sectors += event->kind == EVENT_WRITE ? event->len / SECTOR_BYTES + 1 : 1;
	}
	return sectors;
}

#define NARROW_SECTORS 12
#define NARROW_DRAWS 6

static bool is_wide(const struct log *log, size_t cut)
{
	return !is_dull(log, cut) && open_sectors(log, cut) > NARROW_SECTORS;
}

static unsigned wide_draws(const struct states *states)
{
	size_t wide = 0, others = 0, left;

	for (size_t i = 1; i <= states->log->count; i++) {
		wide += is_wide(states->log, i);
		others += !is_wide(states->log, i);
	}
	left = states->wanted > others ? states->wanted - others : 0;
	return STATES_RANDOM + (unsigned)((left + wide) / MAX(wide, 1));
}

void states_begin(struct states *ret, const struct machine *base, const struct log *log,
		  size_t wanted, uint64_t seed)
{
	*ret = (struct states){ .log = log, .seed = seed, .wanted = wanted };
	machine_make(&ret->durable);
	machine_copy(&ret->durable, base);
	ret->wide_draws = wide_draws(ret);
}

unsigned states_variants(const struct states *states, size_t cut)
{
	if (cut == 0 || !has_unflushed(states->log, cut))
		return 1;
	if (is_dull(states->log, cut))
		return cut % DULL_STEP == 0 ? STATES_RANDOM : 0;
	return is_wide(states->log, cut) ? states->wide_draws : STATES_RANDOM + NARROW_DRAWS;
}

/* --- drawing ---------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

struct tear {
	uint64_t random;
	size_t sectors; /* of a prefix; SIZE_MAX: each sector by itself */
};

static bool keep_sector(void *userdata, size_t sector)
{
	struct tear *tear = userdata;

	return tear->sectors == SIZE_MAX ? draw(&tear->random) & 1 : sector < tear->sectors;
}

static void apply_torn(struct machine *machine, const struct event *event, uint64_t *random)
{
	struct tear tear = { draw(random), SIZE_MAX };

	if (draw(random) & 1)
		tear.sectors = (size_t)(draw(random) % (event->len / SECTOR_BYTES + 1));
	machine_apply_torn(machine, event, keep_sector, &tear);
}

static bool is_unflushed(const struct states *states, size_t i)
{
	return states->log->events[i].durable_at > states->cut;
}

/* How many of the unflushed changes of names are there. */
static size_t draw_names(const struct states *states, unsigned variant, uint64_t *random)
{
	size_t count = 0;

	for (size_t i = 0; i < states->cut; i++)
		count += is_unflushed(states, i) && event_is_of_names(&states->log->events[i]);
	if (variant == STATES_ALL || variant == STATES_TORN)
		return count;
	return variant == STATES_NONE ? 0 : (size_t)(draw(random) % (count + 1));
}

static bool is_last_write(const struct states *states, size_t i)
{
	return i + 1 == states->cut;
}

void states_build(const struct states *states, unsigned variant, struct machine *ret)
{
	static const unsigned losses[] = { 10, 50, 90 }; /* of 100 */
	uint64_t random = states->seed * 1000003 + states->cut * 1009 + variant;
	unsigned loss = losses[draw(&random) % ARRAY_SIZE(losses)];
	size_t names = draw_names(states, variant, &random);

	machine_copy(ret, &states->durable);
	for (size_t i = 0; i < states->cut; i++) {
		const struct event *event = &states->log->events[i];

		if (!is_unflushed(states, i))
			continue;
		if (event_is_of_names(event)) {
			if (names && names--)
				machine_apply(ret, event);
		} else if (variant == STATES_ALL ||
			   (variant == STATES_TORN && !is_last_write(states, i))) {
			machine_apply(ret, event);
		} else if (event->kind == EVENT_WRITE &&
			   (variant == STATES_TORN ||
			    (variant >= STATES_RANDOM && draw(&random) % 4 == 0))) {
			apply_torn(ret, event, &random);
		} else if (variant >= STATES_RANDOM && draw(&random) % 100 >= loss) {
			machine_apply(ret, event);
		}
	}
}
