/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The content of a file in memory, by pages. A copy refers to the pages of what it was copied from
 * until it writes to them, and the hash of a page is kept, so that a machine costs what differs
 * from the one it was made of. All of it is memory that forked processes share, which makes forking
 * cheap: what is made before a fork is only read behind it.
 */
#pragma once

#include "common/base.h"
#include "common/cleanup.h"

#define IMAGE_ROOM (256 * MIB)
#define IMAGE_PAGE 4096ULL

struct image {
	uint64_t len;
	uint8_t *room;	       /* IMAGE_ROOM bytes of address space: its own pages */
	const uint8_t **pages; /* in room, in another image, or the one page of zeros */
	uint64_t *hashes;      /* of pages; 0: not known */
};

void image_make(struct image *ret);

/* `from` may not change as long as `to` is used. */
void image_copy(struct image *to, const struct image *from);
void image_write(struct image *image, uint64_t offset, const void *data, size_t len);
void image_read(const struct image *image, uint64_t offset, void *ret, size_t len);
void image_resize(struct image *image, uint64_t len);

/* Unequal for unequal content, as far as 64 bits can tell. */
uint64_t image_hash(struct image *image);

/* Of a file, without loading it; the same number. */
uint64_t image_hash_file(const char *path);

/* How many bytes are the same from the start. */
size_t image_same(const uint8_t *a, const uint8_t *b, size_t len);

/* Whole files; die on errors: a test machine that can't write its files proves nothing. Of a file
 * that is there, only those pages are written that differ. */
void image_load(struct image *image, const char *path);
void image_store(const struct image *image, const char *path);
bool image_is_stored(const struct image *image, const char *path);

/* A whole file, mapped; NULL when it is empty. What stands behind its end on the last page is
 * zeros. */
struct view {
	uint8_t *data;
	uint64_t len;
};

void view_done(struct view *view);
#define CLEANUP_VIEW CLEANUP(view_done)

/* Of four large files at a time: the next one ends the view of the first. */
struct view view_of(const char *path);

/* Zeroed memory that forked processes share; never given back. */
void *share(size_t bytes);

_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);
