/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk with a volatile write cache: what was written is read back at once, but stands in the file
 * only after a flush, or when the cache is full. When the power goes, each write since the last
 * flush is there, isn't, or is there in part, by sectors of 512 bytes, as the seed says; in any
 * combination, so later ones without earlier ones too. Knows no NBD.
 */
#pragma once

#include "common/base.h"

#define CACHE_BLOCK 4096ULL
#define CACHE_BYTES_MAX (256 * MIB) /* of data; beyond that the older half is written out */

struct cache_op;
struct cache_block;

struct cache {
	int fd;
	uint64_t size_bytes;
	struct cache_op *ops; /* since the last flush, in their order */
	size_t op_count, op_room;
	uint64_t data_bytes;
	struct cache_block **blocks; /* what they make of the file, hashed by number */
};

/* What the cut did to the writes that nobody had flushed. */
struct cache_loss {
	size_t kept, torn, lost;
};

/* The file keeps its size. All return 0 or a negative errno. */
int cache_open(struct cache *ret, const char *path) MUST_CHECK;
int cache_read(struct cache *cache, uint64_t offset, void *ret, size_t len) MUST_CHECK;

/* data NULL: zeros. */
int cache_write(struct cache *cache, uint64_t offset, const void *data, size_t len) MUST_CHECK;
int cache_flush(struct cache *cache) MUST_CHECK;

/* The power is gone: afterwards the file is what the machine will find. */
int cache_cut(struct cache *cache, uint64_t seed, struct cache_loss *ret) MUST_CHECK;
void cache_close(struct cache *cache);
