/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Destroys the range that it is told, step by step, and notes in the header how far it is: only
 * what has been flushed. Decides nothing about where the range is (wiped.h).
 */
#include "bootstrap/free_space.h"

#include "bootstrap/region.h"

#include <errno.h>

#define STEP_BYTES (64 * MIB)
#define STEPS_BETWEEN_NOTES 32 /* a note is two flushed writes of the header */

/* Discarding promises nothing, so a device that can't is zeroed: that is more, not less. */
static int discard_or_zero(int fd, uint64_t offset, uint64_t len)
{
	int r = region_discard(fd, offset, len);

	return r == -EOPNOTSUPP ? region_zero_out(fd, offset, len) : r;
}

static int (*const destroyers[])(int fd, uint64_t offset, uint64_t len) = {
	[FREE_SPACE_ZERO] = region_zero_out,
	[FREE_SPACE_RANDOM] = region_random,
	[FREE_SPACE_DISCARD] = discard_or_zero,
};

/* Where to begin: behind what an earlier run of exactly this range has noted. */
static int find_start(const struct free_space_run *run, uint64_t *ret)
{
	const struct wiped_range *range = &run->range;
	uint64_t start = 0, next = 0;
	int r = wiped_next(&run->where, &start, &next);

	if (r < 0)
		return r;
	if (start != range->start_bytes || next < start || next > range->end_bytes ||
	    next % SECTOR_BYTES != 0)
		next = range->start_bytes;
	*ret = next;
	return 0;
}

static int note(const struct free_space_run *run, uint64_t next_bytes)
{
	int r = region_flush(run->fd);

	return r < 0 ? r : wiped_set_next(&run->where, run->range.start_bytes, next_bytes);
}

int free_space_destroy(const struct free_space_run *run)
{
	const struct wiped_range *range = &run->range;
	uint64_t at = 0, len;
	unsigned steps = 0;
	int r;

	if (run->how->how == FREE_SPACE_KEEP)
		return 0;
	r = find_start(run, &at);
	if (r < 0)
		return r;
	(void)run->between(at - range->start_bytes, 0, run->userdata);
	for (; at < range->end_bytes; at += len) {
		len = MIN(STEP_BYTES, range->end_bytes - at);
		r = destroyers[run->how->how](run->fd, at, len);
		if (r < 0)
			return r;
		if (run->between(at + len - range->start_bytes, len, run->userdata)) {
			r = note(run, at + len);
			return r < 0 ? r : FREE_SPACE_STOPPED;
		}
		if (++steps % STEPS_BETWEEN_NOTES == 0)
			r = note(run, at + len);
		if (r < 0)
			return r;
	}
	return region_flush(run->fd);
}

int free_space_destroy_all(const struct free_space *how, int fd, uint64_t bytes)
{
	uint64_t at, len;
	int r = 0;

	if (how->how == FREE_SPACE_KEEP)
		return 0;
	for (at = 0; r == 0 && at < bytes; at += len) {
		len = MIN(STEP_BYTES, bytes - at);
		r = destroyers[how->how](fd, at, len);
	}
	return r < 0 ? r : region_flush(fd);
}
