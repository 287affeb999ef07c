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
	machine_hash(&states->durable); /* for all that are copied from it */
}

/* --- how many --------------------------------------------------------------------------------- */

#define DULL_DRAWS 4
#define OPEN_MOST 16 /* bits of which all combinations are more than anybody draws */

/* A cut that differs from the one before only by more bytes in a file that nobody reads yet: a few
 * draws are enough. */
static bool is_dull(const struct log *log, size_t cut)
{
	const struct event *last = &log->events[cut - 1];

	return event_is_in_folder(last) && last->kind == EVENT_WRITE;
}

/* Sectors of a write that are not yet what it makes of them. */
static size_t count_sectors(const struct machine *before, const struct event *event)
{
	const struct image *image = &before->files[event->file];
	size_t count = 0, n;

	for (size_t at = 0; at < event->len; at += n) {
		uint64_t offset = event->offset + at;
		uint8_t is[SECTOR_BYTES];

		n = MIN((size_t)(SECTOR_BYTES - offset % SECTOR_BYTES), event->len - at);
		if (offset + n > image->len) {
			count++;
			continue;
		}
		image_read(image, offset, is, n);
		count += image_same(is, event->data + at, n) < n;
	}
	return count;
}

/* Of each event, how many bits it has: sectors, a name or a size that may be there or not. */
static void count_changes(const struct machine *base, const struct log *log, size_t *ret)
{
	static struct machine now;

	machine_make(&now);
	machine_copy(&now, base);
	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];

		if (event->kind < EVENT_SYNC)
			ret[i] = event->kind == EVENT_WRITE ? count_sectors(&now, event) : 1;
		machine_apply(&now, event);
	}
}

/* Draws that a cut can have, apart from the states that each cut has. */
static size_t room_of(const struct log *log, const size_t *changes, size_t cut)
{
	size_t open = 0, all;

	for (size_t i = 0; i < cut; i++)
		open += log->events[i].durable_at > cut ? changes[i] : 0;
	if (!open)
		return 0;
	all = (size_t)1 << MIN(open, (size_t)OPEN_MOST);
	return is_dull(log, cut) ? MIN(all, (size_t)DULL_DRAWS) : all;
}

/* So many a cut that they add up to what is wanted, where cuts with little open have less. */
static size_t share_of(const struct states *states, size_t wanted)
{
	size_t share = 0, sum = 0;

	while (sum < wanted && share < (size_t)1 << OPEN_MOST) {
		share++;
		sum = 0;
		for (size_t cut = 0; cut <= states->log->count; cut++)
			sum += (states->rooms[cut] ? STATES_RANDOM : 1) +
			       MIN(states->rooms[cut], share);
	}
	return share;
}

void states_begin(struct states *ret, const struct machine *base, const struct log *log,
		  size_t wanted, uint64_t seed)
{
	size_t *changes = share((log->count + 1) * sizeof(*changes));

	*ret = (struct states){ .log = log, .seed = seed };
	count_changes(base, log, changes);
	ret->rooms = share((log->count + 1) * sizeof(*ret->rooms));
	for (size_t cut = 0; cut <= log->count; cut++)
		ret->rooms[cut] = room_of(log, changes, cut);
	machine_make(&ret->durable);
	machine_copy(&ret->durable, base);
	ret->share = share_of(ret, wanted);
}

unsigned states_fixed(const struct states *states, size_t cut)
{
	return states->rooms[cut] ? STATES_RANDOM : 1;
}

size_t states_draws(const struct states *states, size_t cut)
{
	return MIN(states->rooms[cut], states->share);
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
	uint64_t random = states->seed << 40 ^ (uint64_t)states->cut << 20 ^ variant;
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
