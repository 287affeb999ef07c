/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of writes is what may be lost; the blocks are only there so that a read needn't walk the
 * log.
 */
#include "tests/powercut/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS (1U << 16)
#define OPS_AT_FIRST 1024

struct cache_op {
	uint64_t offset;
	size_t len;
	uint8_t *data; /* NULL: zeros */
};

struct cache_block {
	uint64_t number;
	struct cache_block *next;
	uint8_t data[CACHE_BLOCK];
};

/* --- the file --------------------------------------------------------------------------------- */

static int file_put(const struct cache *cache, uint64_t offset, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(cache->fd, data, len, (off_t)offset);

		if (n < 0)
			return -errno;
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int file_get(const struct cache *cache, uint64_t offset, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = pread(cache->fd, data, len, (off_t)offset);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* The part of op that begins at byte `from` of it. */
static int apply(const struct cache *cache, const struct cache_op *op, size_t from, size_t len)
{
	if (op->data)
		return file_put(cache, op->offset + from, op->data + from, len);
	return fallocate(cache->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(op->offset + from), (off_t)len) < 0
		       ? -errno
		       : 0;
}

/* --- what reads see --------------------------------------------------------------------------- */

static struct cache_block **find(struct cache *cache, uint64_t number)
{
	struct cache_block **at = &cache->blocks[number * 0x9e3779b97f4a7c15ULL >> 48];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static int see(struct cache *cache, const struct cache_op *op)
{
	for (size_t done = 0; done < op->len;) {
		uint64_t at = op->offset + done, number = at / CACHE_BLOCK, in = at % CACHE_BLOCK;
		size_t len = MIN(op->len - done, CACHE_BLOCK - in);
		struct cache_block **block = find(cache, number);
		int r;

		if (!*block) {
			*block = calloc(1, sizeof(**block));
			if (!*block)
				return -ENOMEM;
			(*block)->number = number;
			r = len == CACHE_BLOCK ? 0
					       : file_get(cache, number * CACHE_BLOCK,
							  (*block)->data, CACHE_BLOCK);
			if (r < 0)
				return r;
		}
		if (op->data)
			memcpy((*block)->data + in, op->data + done, len);
		else
			memset((*block)->data + in, 0, len);
		done += len;
	}
	return 0;
}

static void forget_blocks(struct cache *cache)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct cache_block *next;

		for (struct cache_block *block = cache->blocks[i]; block; block = next) {
			next = block->next;
			free(block);
		}
		cache->blocks[i] = NULL;
	}
}

/* The first `count` of the log are on the disk, or never will be. */
static int forget_ops(struct cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cache->data_bytes -= cache->ops[i].data ? cache->ops[i].len : 0;
		free(cache->ops[i].data);
	}
	cache->op_count -= count;
	memmove(cache->ops, cache->ops + count, cache->op_count * sizeof(*cache->ops));
	forget_blocks(cache);
	for (size_t i = 0; i < cache->op_count; i++) {
		int r = see(cache, &cache->ops[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int write_out(struct cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = apply(cache, &cache->ops[i], 0, cache->ops[i].len);

		if (r < 0)
			return r;
	}
	return forget_ops(cache, count);
}

/* --- the disk --------------------------------------------------------------------------------- */

int cache_open(struct cache *ret, const char *path)
{
	struct cache cache = { .fd = open(path, O_RDWR | O_CLOEXEC), .op_room = OPS_AT_FIRST };
	struct stat st;

	if (cache.fd < 0 || fstat(cache.fd, &st) < 0)
		return -errno;
	cache.size_bytes = (uint64_t)st.st_size / CACHE_BLOCK * CACHE_BLOCK;
	cache.ops = calloc(cache.op_room, sizeof(*cache.ops));
	cache.blocks = calloc(BUCKETS, sizeof(struct cache_block *));
	if (!cache.ops || !cache.blocks)
		return -ENOMEM;
	*ret = cache;
	return 0;
}

int cache_read(struct cache *cache, uint64_t offset, void *ret, size_t len)
{
	uint8_t *data = ret;
	int r = file_get(cache, offset, data, len);

	for (size_t done = 0; r == 0 && cache->op_count > 0 && done < len;) {
		uint64_t in = (offset + done) % CACHE_BLOCK;
		size_t part = MIN(len - done, CACHE_BLOCK - in);
		const struct cache_block *block = *find(cache, (offset + done) / CACHE_BLOCK);

		if (block)
			memcpy(data + done, block->data + in, part);
		done += part;
	}
	return r;
}

int cache_write(struct cache *cache, uint64_t offset, const void *data, size_t len)
{
	struct cache_op op = { .offset = offset, .len = len };

	if (len == 0)
		return 0;
	if (cache->data_bytes > CACHE_BYTES_MAX) {
		int r = write_out(cache, (cache->op_count + 1) / 2);

		if (r < 0)
			return r;
	}
	if (cache->op_count == cache->op_room) {
		struct cache_op *ops = reallocarray(cache->ops, 2 * cache->op_room,
						    sizeof(*cache->ops));

		if (!ops)
			return -ENOMEM;
		cache->ops = ops;
		cache->op_room *= 2;
	}
	if (data) {
		op.data = malloc(len);
		if (!op.data)
			return -ENOMEM;
		memcpy(op.data, data, len);
		cache->data_bytes += len;
	}
	cache->ops[cache->op_count++] = op;
	return see(cache, &op);
}

int cache_flush(struct cache *cache)
{
	return write_out(cache, cache->op_count);
}

/* --- the cut ---------------------------------------------------------------------------------- */

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Torn: a beginning of it, or any of its sectors. */
static int apply_torn(const struct cache *cache, const struct cache_op *op, uint64_t *state)
{
	size_t sectors = op->len / SECTOR_BYTES, first = draw(state) % sectors;
	bool is_prefix = draw(state) % 2;

	for (size_t i = 0; i < sectors; i++) {
		bool is_there = is_prefix ? i < first : draw(state) % 2;
		int r = is_there ? apply(cache, op, i * SECTOR_BYTES, SECTOR_BYTES) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int cache_cut(struct cache *cache, uint64_t seed, struct cache_loss *ret)
{
	/* how many of 16 survive: a cache that had written hardly anything out, or nearly all */
	static const unsigned chances[] = { 0, 1, 4, 8, 12, 15 };
	uint64_t state = seed;
	const unsigned chance = chances[draw(&state) % ARRAY_SIZE(chances)];
	struct cache_loss loss = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < cache->op_count; i++) {
		const struct cache_op *op = &cache->ops[i];

		if (draw(&state) % 16 < chance) {
			r = apply(cache, op, 0, op->len);
			loss.kept++;
		} else if (op->len > SECTOR_BYTES && draw(&state) % 4 == 0) {
			r = apply_torn(cache, op, &state);
			loss.torn++;
		} else {
			loss.lost++;
		}
	}
	if (r == 0)
		r = forget_ops(cache, cache->op_count);
	*ret = loss;
	return r;
}

void cache_close(struct cache *cache)
{
	for (size_t i = 0; i < cache->op_count; i++)
		free(cache->ops[i].data);
	forget_blocks(cache);
	free(cache->ops);
	free(cache->blocks);
	close(cache->fd);
}
