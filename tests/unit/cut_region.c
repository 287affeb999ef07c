/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See cut_region.h.
 */
#include "tests/unit/cut_region.h"

#include "common/aead.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#include <fcntl.h>

struct cut_event cut_events[CUT_EVENTS_MAX];
size_t cut_event_count;
bool cut_is_recording;
unsigned cut_failing_flush;
uint64_t cut_unreadable;

static struct cut_event *record(uint64_t offset, uint64_t len)
{
	assert_true(cut_event_count < CUT_EVENTS_MAX);
	cut_events[cut_event_count] = (struct cut_event){ .offset = offset, .len = len };
	return &cut_events[cut_event_count++];
}

void cut_forget(void)
{
	for (size_t i = 0; i < cut_event_count; i++) {
		free(cut_events[i].data);
		free(cut_events[i].before);
	}
	cut_event_count = 0;
}

int region_open(const char *path, int flags, int *ret_fd)
{
	if ((flags & O_ACCMODE) == O_WRONLY) /* what was there is read, too */
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	*ret_fd = open(path, flags | O_CLOEXEC);
	return *ret_fd < 0 ? fail(-errno, "opening %s", path) : 0;
}

int region_size(int fd, uint64_t *ret_bytes)
{
	*ret_bytes = (uint64_t)lseek(fd, 0, SEEK_END);
	return 0;
}

int region_read(int fd, uint8_t *data, uint64_t offset, uint64_t len)
{
	if (cut_unreadable && cut_unreadable >= offset && cut_unreadable < offset + len)
		return -EIO;
	return file_pread_all(fd, data, len, offset);
}

int region_write(int fd, const uint8_t *data, uint64_t offset, uint64_t len)
{
	if (cut_is_recording) {
		struct cut_event *event = record(offset, len);

		event->data = malloc(len);
		event->before = malloc(len);
		memcpy(event->data, data, len);
		assert_ok(file_pread_all(fd, event->before, len, offset));
	}
	return file_pwrite_all(fd, data, len, offset);
}

int region_zero(int fd, uint64_t offset, uint64_t len)
{
	uint8_t *zeros = calloc(1, len);
	int r = region_write(fd, zeros, offset, len);

	free(zeros);
	return r;
}

int region_zero_out(int fd, uint64_t offset, uint64_t len)
{
	return region_zero(fd, offset, len);
}

int region_random(int fd, uint64_t offset, uint64_t len)
{
	uint8_t *data = malloc(len);
	int r = random_bytes(data, len);

	if (r == 0)
		r = region_write(fd, data, offset, len);
	free(data);
	return r;
}

int region_discard(int fd UNUSED, uint64_t offset UNUSED, uint64_t len UNUSED)
{
	return -EOPNOTSUPP;
}

int region_flush(int fd UNUSED)
{
	if (cut_failing_flush && --cut_failing_flush == 0)
		return -EIO;
	if (cut_is_recording)
		record(0, 0);
	return 0;
}

/* --- states ---------------------------------------------------------------------------------- */

/* The cheapest generator that is the same everywhere (Knuth's MMIX). */
static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

/* Of the write `at`, the sectors that survive a cut before event `cut`. */
static void apply_event(int fd, size_t at, size_t cut, size_t durable, unsigned variant,
			uint64_t *seed)
{
	const struct cut_event *event = &cut_events[at];

	for (uint64_t s = 0; s < event->len; s += SECTOR_BYTES) {
		bool is_kept = at < durable || variant == CUT_ALL ||
			       (variant == CUT_TORN && at + 1 < cut) ||
			       (variant >= CUT_TORN && draw(seed) % 2);

		if (is_kept)
			assert_ok(file_pwrite_all(fd, event->data + s, SECTOR_BYTES,
						  event->offset + s));
	}
}

void cut_rebuild(int fd, size_t cut, unsigned variant, uint64_t *seed)
{
	size_t durable = 0;

	for (size_t i = 0; i < cut; i++)
		durable = !cut_events[i].len && !cut_events[i].is_lost_flush ? i : durable;
	for (size_t i = cut_event_count; i > 0; i--) {
		if (cut_events[i - 1].len)
			assert_ok(file_pwrite_all(fd, cut_events[i - 1].before,
						  cut_events[i - 1].len, cut_events[i - 1].offset));
	}
	for (size_t i = 0; i < cut; i++)
		apply_event(fd, i, cut, durable, variant, seed);
}
