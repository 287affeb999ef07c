/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Byte ranges of a device, in chunks through one aligned buffer. May read and write what it is told
 * to; decides nothing.
 */
#include "bootstrap/region.h"

#include "common/aead.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#define CHUNK_BYTES MIB
#define ALIGN_BYTES 4096 /* enough for O_DIRECT on every device we know */

int region_open(const char *path, int flags, int *ret_fd)
{
	int fd;

	fd = open(path, flags | O_DIRECT | O_CLOEXEC);
	if (fd < 0 && errno == EINVAL) /* tmpfs and some others have no direct I/O */
		fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "opening %s: %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

int region_size(int fd, uint64_t *ret_bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return fail(-errno, "finding the size of a device: %s", strerror(errno));
	*ret_bytes = (uint64_t)end;
	return 0;
}

static int buffer_alloc(uint8_t **ret)
{
	void *data = NULL;

	if (posix_memalign(&data, ALIGN_BYTES, CHUNK_BYTES) != 0)
		return fail(-ENOMEM, "out of memory: free some and run again");
	*ret = data;
	return 0;
}

/* Reads what the device has, not what a cache remembers. */
static int read_chunk(int fd, uint8_t *data, uint64_t offset, size_t len)
{
	(void)posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
	return file_pread_all(fd, data, len, offset);
}

int region_read(int fd, uint8_t *data, uint64_t offset, uint64_t len)
{
	return read_chunk(fd, data, offset, (size_t)len);
}

int region_write(int fd, const uint8_t *data, uint64_t offset, uint64_t len)
{
	return file_pwrite_all(fd, data, (size_t)len, offset);
}

int region_equal(int fd_a, uint64_t offset_a, int fd_b, uint64_t offset_b, uint64_t len, bool *ret)
{
	CLEANUP_FREE uint8_t *a = NULL;
	CLEANUP_FREE uint8_t *b = NULL;
	bool is_equal = true;
	int r;

	r = buffer_alloc(&a);
	if (r == 0)
		r = buffer_alloc(&b);
	for (uint64_t at = 0; r == 0 && is_equal && at < len; at += CHUNK_BYTES) {
		size_t n = (size_t)MIN(CHUNK_BYTES, len - at);

		r = read_chunk(fd_a, a, offset_a + at, n);
		if (r == 0)
			r = read_chunk(fd_b, b, offset_b + at, n);
		if (r == 0)
			is_equal = memcmp(a, b, n) == 0;
	}
	if (r == 0)
		*ret = is_equal;
	return r;
}

int region_is_zero(int fd, uint64_t offset, uint64_t len, bool *ret)
{
	CLEANUP_FREE uint8_t *data = NULL;
	bool is_zero = true;
	int r;

	r = buffer_alloc(&data);
	for (uint64_t at = 0; r == 0 && is_zero && at < len; at += CHUNK_BYTES) {
		size_t n = (size_t)MIN(CHUNK_BYTES, len - at);

		r = read_chunk(fd, data, offset + at, n);
		if (r == 0)
			is_zero = data[0] == 0 && memcmp(data, data + 1, n - 1) == 0;
	}
	if (r == 0)
		*ret = is_zero;
	return r;
}

int region_copy(int fd_from, uint64_t offset_from, int fd_to, uint64_t offset_to, uint64_t len)
{
	CLEANUP_FREE uint8_t *data = NULL;
	int r;

	r = buffer_alloc(&data);
	for (uint64_t at = 0; r == 0 && at < len; at += CHUNK_BYTES) {
		size_t n = (size_t)MIN(CHUNK_BYTES, len - at);

		r = file_pread_all(fd_from, data, n, offset_from + at);
		if (r == 0)
			r = file_pwrite_all(fd_to, data, n, offset_to + at);
	}
	return r;
}

int region_zero(int fd, uint64_t offset, uint64_t len)
{
	CLEANUP_FREE uint8_t *data = NULL;
	int r;

	r = buffer_alloc(&data);
	if (r < 0)
		return r;
	memset(data, 0, CHUNK_BYTES);
	for (uint64_t at = 0; r == 0 && at < len; at += CHUNK_BYTES)
		r = file_pwrite_all(fd, data, (size_t)MIN(CHUNK_BYTES, len - at), offset + at);
	return r;
}

int region_zero_out(int fd, uint64_t offset, uint64_t len)
{
	uint64_t range[2] = { offset, len };

	if (ioctl(fd, BLKZEROOUT, range) == 0)
		return 0;
	return region_zero(fd, offset, len);
}

int region_random(int fd, uint64_t offset, uint64_t len)
{
	CLEANUP_FREE uint8_t *data = NULL;
	int r;

	r = buffer_alloc(&data);
	for (uint64_t at = 0; r == 0 && at < len; at += CHUNK_BYTES) {
		size_t n = (size_t)MIN(CHUNK_BYTES, len - at);

		r = random_bytes(data, n);
		if (r == 0)
			r = file_pwrite_all(fd, data, n, offset + at);
	}
	return r;
}

int region_discard(int fd, uint64_t offset, uint64_t len)
{
	uint64_t range[2] = { offset, len };

	if (ioctl(fd, BLKDISCARD, range) == 0)
		return 0;
	if (errno == ENOTTY && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					 (off_t)offset, (off_t)len) == 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == ENOTTY)
		return -EOPNOTSUPP;
	return fail(-errno, "discarding a part of the device: %s", strerror(errno));
}

int region_flush(int fd)
{
	if (fdatasync(fd) < 0)
		return fail(-errno, "flushing the device: %s", strerror(errno));
	return 0;
}
