/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partition table as it was before the conversion, kept as a file and carried in the boot
 * image: a table that was cut while it was written is mended only if what is left of it is one that
 * we know.
 */
#pragma once

#include "bootstrap/table.h"

int table_copy_write(const char *path, const struct table *table) MUST_CHECK;
int table_copy_read(const char *path, struct table *ret) MUST_CHECK;

/* The same disk id, and the same partitions in any order; names don't count. */
bool table_is_same(const struct table *a, const struct table *b);

/* What table_carve() makes of `before`: the partition root_partuuid cut to root_bytes, and one with
 * the GUID boot_partuuid in the first free number. -ENOENT without the root. */
int table_carved(const struct table *before, const char *root_partuuid, uint64_t root_bytes,
		 uint64_t boot_bytes, const char *boot_partuuid, struct table *ret) MUST_CHECK;
