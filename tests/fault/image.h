/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The content of a file in memory, mostly zeros: only pages that hold something are copied, hashed
 * and stored, so that a machine of some hundred MiB costs what is in it.
 */
#pragma once

#include "common/base.h"

#define IMAGE_ROOM (256 * MIB)
#define IMAGE_PAGE 4096ULL

struct image {
	uint64_t len;
	uint8_t *data; /* IMAGE_ROOM bytes of address space */
	bool *is_used; /* one a page; false: zeros */
};

void image_make(struct image *ret);
void image_copy(struct image *to, const struct image *from);
void image_write(struct image *image, uint64_t offset, const void *data, size_t len);
void image_resize(struct image *image, uint64_t len);

/* Unequal for unequal content, as far as 64 bits can tell. */
uint64_t image_hash(const struct image *image);

/* How many bytes are the same from the start. */
size_t image_same(const uint8_t *a, const uint8_t *b, size_t len);

/* Whole files; die on errors: a test machine that can't write its files proves nothing. */
void image_load(struct image *image, const char *path);
void image_store(const struct image *image, const char *path);

_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);
