/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of a view: a device that is only read, and the blocks of it that were written to, in
 * memory. Knows no processes.
 */
#pragma once

#include "common/base.h"

#include <sys/types.h>

struct view_change {
	uint64_t offset_bytes;
	uint8_t *data;
};

struct view_blocks {
	int fd;
	uint64_t size_bytes; /* whole blocks */
	size_t max_blocks, count;
	struct view_change *changes; /* ascending */
};

/* The caller ends it with view_blocks_done(), also after a failure. */
int view_blocks_open(const char *device, size_t max_blocks, struct view_blocks *ret) MUST_CHECK;
void view_blocks_done(struct view_blocks *blocks);

/* The number of bytes read, 0 at the end; negative errno without a sentence. */
ssize_t view_blocks_read(const struct view_blocks *blocks, uint64_t offset, uint8_t *data,
			 size_t len);

/* All of it or negative: *why then says why, for a sentence. What was changed before that
 * stays. */
int view_blocks_write(struct view_blocks *blocks, uint64_t offset, const uint8_t *data, size_t len,
		      const char **why) MUST_CHECK;
