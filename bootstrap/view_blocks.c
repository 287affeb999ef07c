/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See view_blocks.h. Changed blocks stand in one sorted array. */
#include "bootstrap/view_blocks.h"

#include "bootstrap/view.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <string.h>

int view_blocks_open(const char *device, size_t max_blocks, struct view_blocks *ret)
{
	off_t end;

	*ret = (struct view_blocks){ .fd = -1, .max_blocks = max_blocks };
	ret->changes = calloc(max_blocks, sizeof(*ret->changes));
	if (!ret->changes)
		return -ENOMEM;
	ret->fd = open(device, O_RDONLY | O_CLOEXEC);
	end = ret->fd < 0 ? -1 : lseek(ret->fd, 0, SEEK_END);
	if (end < 0)
		return fail(-errno, "opening %s: %s", device, strerror(errno));
	ret->size_bytes = (uint64_t)end / VIEW_BLOCK_BYTES * VIEW_BLOCK_BYTES;
	return 0;
}

void view_blocks_done(struct view_blocks *blocks)
{
	if (blocks->fd >= 0)
		close(blocks->fd);
	for (size_t i = 0; i < blocks->count; i++)
		free(blocks->changes[i].data);
	free(blocks->changes);
	*blocks = (struct view_blocks){ .fd = -1 };
}

/* The first change that isn't before offset. */
static size_t find(const struct view_blocks *blocks, uint64_t offset)
{
	size_t low = 0, high = blocks->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (blocks->changes[middle].offset_bytes < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int refuse(int r, const char *text, const char **why)
{
	*why = text;
	return r;
}

/* The block at offset, to be changed; at first as the device has it. */
static int take_block(struct view_blocks *blocks, uint64_t offset, uint8_t **ret, const char **why)
{
	size_t at = find(blocks, offset);
	CLEANUP_FREE uint8_t *data = NULL;

	if (at < blocks->count && blocks->changes[at].offset_bytes == offset) {
		*ret = blocks->changes[at].data;
		return 0;
	}
	if (offset >= blocks->size_bytes)
		return refuse(-ENOSPC, "a program wrote behind the end of the device", why);
	if (blocks->count == blocks->max_blocks)
		return refuse(-ENOSPC, "more would change than fits into the log", why);
	data = malloc(VIEW_BLOCK_BYTES);
	if (!data)
		return refuse(-ENOMEM, "there is too little memory", why);
	if (file_pread_all(blocks->fd, data, VIEW_BLOCK_BYTES, offset) < 0)
		return refuse(-EIO, "the device can't be read", why);
	memmove(blocks->changes + at + 1, blocks->changes + at,
		(blocks->count - at) * sizeof(*blocks->changes));
	*ret = data;
	blocks->changes[at] = (struct view_change){ offset, TAKE_PTR(data) };
	blocks->count++;
	return 0;
}

int view_blocks_write(struct view_blocks *blocks, uint64_t offset, const uint8_t *data, size_t len,
		      const char **why)
{
	while (len) {
		size_t within = (size_t)(offset % VIEW_BLOCK_BYTES);
		size_t n = MIN(VIEW_BLOCK_BYTES - within, len);
		uint8_t *block = NULL;
		int r = take_block(blocks, offset - within, &block, why);

		if (r < 0)
			return r;
		memcpy(block + within, data, n);
		offset += n;
		data += n;
		len -= n;
	}
	return 0;
}

ssize_t view_blocks_read(const struct view_blocks *blocks, uint64_t offset, uint8_t *data,
			 size_t len)
{
	ssize_t n = pread(blocks->fd, data, len, (off_t)offset);

	if (n < 0)
		return -errno;
	for (size_t i = find(blocks, offset / VIEW_BLOCK_BYTES * VIEW_BLOCK_BYTES);
	     i < blocks->count && blocks->changes[i].offset_bytes < offset + (size_t)n; i++) {
		uint64_t start = blocks->changes[i].offset_bytes;
		uint64_t from = MAX(start, offset);
		uint64_t to = MIN(start + VIEW_BLOCK_BYTES, offset + (size_t)n);

		memcpy(data + (from - offset), blocks->changes[i].data + (from - start),
		       (size_t)(to - from));
	}
	return n;
}
