/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See redo.h. The only code that writes a redo log or by one; everything goes through region.h,
 * past the page cache.
 */
#include "bootstrap/redo.h"

#include "bootstrap/region.h"
#include "bootstrap/view.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <fcntl.h>
#include <string.h>

#define ALIGN_BYTES 4096

static int blocks_alloc(uint64_t bytes, uint8_t **ret)
{
	void *data = NULL;

	if (posix_memalign(&data, ALIGN_BYTES, (size_t)bytes) != 0)
		return fail(-ENOMEM, "too little memory for a log of %llu bytes",
			    (unsigned long long)bytes);
	memset(data, 0, (size_t)bytes);
	*ret = data;
	return 0;
}

void redo_done(struct redo *redo)
{
	free(redo->bytes);
	*redo = (struct redo){ .state = REDO_NONE };
}

/* --- looking ---------------------------------------------------------------------------------- */

int redo_key_read(struct secret *ret)
{
	return secret_read_file(ret, REDO_KEY, REDO_KEY_BYTES);
}

/* What the device holds against what the log says of it. */
static int compare(int fd, const struct redo_log *log, unsigned ret_counts[static 3])
{
	CLEANUP_FREE uint8_t *now = NULL;
	int r = blocks_alloc(REDO_BLOCK_BYTES, &now);

	memset(ret_counts, 0, 3 * sizeof(*ret_counts));
	for (size_t i = 0; r == 0 && i < log->count; i++) {
		r = region_read(fd, now, redo_log_offset(log, i), REDO_BLOCK_BYTES);
		for (unsigned s = 0; r == 0 && s < REDO_SECTORS; s++) {
			enum redo_sector is = REDO_SECTOR_OTHER;

			r = redo_log_compare(log, i, s, now + s * SECTOR_BYTES, &is);
			ret_counts[is]++;
		}
	}
	return r;
}

/* Is there a whole log of the key at place? Positive: no. */
static int read_log(int fd, const struct secret *key, uint64_t place, uint64_t device_bytes,
		    struct redo *ret)
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	struct redo_log log = { 0 };
	uint64_t len;
	int r = blocks_alloc(REDO_BLOCK_BYTES, &bytes);

	if (r == 0)
		r = region_read(fd, bytes, place, REDO_BLOCK_BYTES);
	if (r < 0)
		return r;
	len = redo_log_announced(bytes);
	if (!len || len > device_bytes - place)
		return 1;
	free(TAKE_PTR(bytes));
	r = blocks_alloc(len, &bytes);
	if (r == 0)
		r = region_read(fd, bytes, place, len);
	if (r < 0)
		return r;
	r = redo_log_parse(bytes, (size_t)len, key, &log);
	if (r == -EBADMSG || (r == 0 && log.place_bytes != place)) {
		log_info("a redo log at %llu is not whole: nothing was done by it yet",
			 (unsigned long long)place);
		return 1;
	}
	if (r < 0)
		return r;
	ret->log = log;
	ret->bytes = TAKE_PTR(bytes);
	return 0;
}

static int judge(int fd, uint64_t device_bytes, struct redo *redo)
{
	unsigned counts[3] = { 0 };
	int r = compare(fd, &redo->log, counts);

	if (r < 0)
		return r;
	redo->state = redo->log.device_bytes != device_bytes || counts[REDO_SECTOR_OTHER]
			      ? REDO_FOREIGN
			      : REDO_READY;
	log_info("a redo log of %zu blocks: of their sectors %u are new, %u old, %u neither",
		 redo->log.count, counts[REDO_SECTOR_AFTER], counts[REDO_SECTOR_BEFORE],
		 counts[REDO_SECTOR_OTHER]);
	return 0;
}

int redo_look(const char *device, const struct secret *key, struct redo *ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	uint64_t bytes = 0, from = 0, to = 0;
	int r = region_open(device, O_RDONLY, &fd), error = 0;

	if (r == 0)
		r = region_size(fd, &bytes);
	if (r < 0)
		return r;
	*ret = (struct redo){ .state = REDO_NONE };
	if (redo_window(bytes, 0, &from, &to) < 0) {
		fail_clear();
		return 0;
	}
	for (uint64_t at = from; at < to && !redo.bytes; at += MIB) {
		if (to - at < REDO_BLOCK_BYTES)
			break;
		r = read_log(fd, key, at, to, &redo);
		if (r < 0) /* what can't be read in one place hides no log in another */
			error = r;
	}
	if (!redo.bytes && error < 0)
		return error;
	fail_clear();
	if (redo.bytes) {
		r = judge(fd, bytes, &redo);
		if (r < 0)
			return r;
	}
	*ret = redo;
	redo.bytes = NULL;
	return 0;
}

int redo_check_window(const char *device, uint64_t device_bytes)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_FREE uint8_t *data = NULL;
	uint64_t from = 0, to = 0, at = 0;
	int r = redo_window(device_bytes, 0, &from, &to);

	if (r == 0)
		r = region_open(device, O_RDONLY, &fd);
	if (r == 0)
		r = blocks_alloc(MIB, &data);
	if (r < 0)
		return r;
	for (at = from; r == 0 && at < to; at += MIB)
		r = region_read(fd, data, at, MIN(MIB, to - at));
	if (r == 0)
		return 0;
	fail_clear();
	return fail(r,
		    "%s can't be read at %llu MiB, where a power cut's repair would have to be "
		    "found: %s. Nothing on it was changed. Copy the disk to a sound one first",
		    device, (unsigned long long)(at / MIB - 1), strerror(-r));
}

/* --- writing ---------------------------------------------------------------------------------- */

int redo_window(uint64_t device_bytes, uint64_t fs_end_bytes, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t to = device_bytes / REDO_BLOCK_BYTES * REDO_BLOCK_BYTES;
	uint64_t from = to > REDO_WINDOW_BYTES ? to - REDO_WINDOW_BYTES : 0;

	from = (MAX(from, fs_end_bytes) + MIB - 1) / MIB * MIB;
	if (from + REDO_BLOCK_BYTES > to)
		return fail(-ENOSPC, "there is no room behind the filesystem");
	*ret_from = from;
	*ret_to = to;
	return 0;
}

/* The blocks of the view that differ from the device's. */
static int collect(int fd, const struct view *view, uint8_t *bytes, size_t count, size_t *ret_found)
{
	CLEANUP_FREE uint8_t *before = NULL;
	size_t found = 0;
	int r = blocks_alloc(REDO_BLOCK_BYTES, &before);

	for (size_t i = 0; r == 0 && i < view_count(view); i++) {
		uint64_t offset = 0;
		const uint8_t *after = view_block(view, i, &offset);

		r = region_read(fd, before, offset, REDO_BLOCK_BYTES);
		if (r < 0 || memcmp(before, after, REDO_BLOCK_BYTES) == 0)
			continue;
		if (bytes)
			r = redo_log_set(bytes, count, found, offset, before, after);
		found++;
	}
	*ret_found = found;
	return r;
}

int redo_make(const char *device, const struct view *view, struct redo *ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_REDO struct redo redo = { .state = REDO_READY };
	size_t found = 0;
	int r = region_open(device, O_RDONLY, &fd);

	if (r == 0)
		r = region_size(fd, &redo.log.device_bytes);
	if (r == 0)
		r = collect(fd, view, NULL, 0, &redo.log.count);
	if (r == 0 && redo.log.count > REDO_RECORDS_MAX)
		r = fail(-E2BIG, "%zu blocks of %s would change, and a log holds %d",
			 redo.log.count, device, REDO_RECORDS_MAX);
	if (r == 0 && redo.log.count)
		r = blocks_alloc(redo_log_bytes(redo.log.count), &redo.bytes);
	if (r == 0 && redo.log.count)
		r = collect(fd, view, redo.bytes, redo.log.count, &found);
	if (r == 0 && found != (redo.bytes ? redo.log.count : 0))
		r = fail(-EIO, "%s changes while it is read", device);
	if (r < 0)
		return r;
	*ret = redo;
	redo.bytes = NULL;
	return 0;
}

/* Whether a log's head is there is not known: it must not be found once the old filesystem was
 * used. If even that fails, it will be found, and be foreign. */
static int take_back(int fd, uint64_t place, int r)
{
	CLEANUP_FREE uint8_t *zeros = NULL;

	if (blocks_alloc(REDO_BLOCK_BYTES, &zeros) < 0 ||
	    region_write(fd, zeros, place, REDO_BLOCK_BYTES) < 0 || region_flush(fd) < 0)
		log_warning("a redo log that nothing was done by can't be taken away");
	return fail(r, "the redo log can't be written: %s. Nothing was changed", strerror(-r));
}

/* Head and rest. A head that isn't the whole log's is no log: it is written last all the same. */
int redo_write(const char *device, const struct secret *key, uint64_t place, struct redo *redo)
{
	const uint64_t len = redo_log_bytes(redo->log.count);
	CLEANUP_CLOSE int fd = -1;
	int r;

	redo->log.place_bytes = place;
	r = redo_log_seal(redo->bytes, &redo->log, key);
	if (r == 0)
		r = redo_log_parse(redo->bytes, (size_t)len, key, &redo->log);
	if (r == -EBADMSG)
		return fail(r,
			    "a log of this change can't be written: it would lie in its own way");
	if (r == 0)
		r = region_open(device, O_RDWR | O_EXCL, &fd);
	if (r == 0)
		r = region_write(fd, redo->bytes + REDO_BLOCK_BYTES, place + REDO_BLOCK_BYTES,
				 len - REDO_BLOCK_BYTES);
	if (r == 0)
		r = region_flush(fd);
	if (r < 0)
		return r;
	r = region_write(fd, redo->bytes, place, REDO_BLOCK_BYTES);
	if (r == 0)
		r = region_flush(fd);
	return r < 0 ? take_back(fd, place, r) : 0;
}

/* --- by the log ------------------------------------------------------------------------------- */

static int write_blocks(int fd, const struct redo_log *log)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < log->count; i++)
		r = region_write(fd, redo_log_after(log, i), redo_log_offset(log, i),
				 REDO_BLOCK_BYTES);
	return r < 0 ? r : region_flush(fd);
}

static int check_state(int fd, const struct redo_log *log, bool is_written)
{
	unsigned counts[3] = { 0 };
	int r = compare(fd, log, counts);

	if (r < 0)
		return r;
	if (counts[REDO_SECTOR_OTHER])
		return fail(-ESTALE, "somebody has written to the disk since the log was made");
	if (is_written && counts[REDO_SECTOR_BEFORE])
		return fail(-EIO, "what was written to the disk isn't there");
	return 0;
}

/* The head first: with it the log is gone. The rest only so that no old content stays behind. */
static int clear(int fd, const struct redo_log *log)
{
	const uint64_t len = redo_log_bytes(log->count);
	int r = region_zero(fd, log->place_bytes, REDO_BLOCK_BYTES);

	if (r == 0)
		r = region_flush(fd);
	if (r == 0)
		r = region_zero(fd, log->place_bytes + REDO_BLOCK_BYTES, len - REDO_BLOCK_BYTES);
	return r < 0 ? r : region_flush(fd);
}

int redo_apply(const char *device, const struct redo *redo)
{
	CLEANUP_CLOSE int fd = -1;
	int r = region_open(device, O_RDWR | O_EXCL, &fd);

	if (r == 0)
		r = check_state(fd, &redo->log, false);
	if (r == 0)
		r = write_blocks(fd, &redo->log);
	if (r == 0)
		r = check_state(fd, &redo->log, true);
	return r < 0 ? r : clear(fd, &redo->log);
}
