/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partitions that the kernel would find on a disk: read as block/partitions/efi.c does with
 * "gpt" on the command line, and not by libfdisk, which is what is under test.
 */
#pragma once

#include "common/base.h"

struct gpt_partition {
	uint64_t start_bytes, size_bytes;
};

/* Which copies are whole. */
struct gpt_copies {
	bool has_primary, has_alternate;
};
struct gpt_copies gpt_look(const char *disk);

/* false: the kernel sees no such partition, or no table at all. */
bool gpt_find(const char *disk, const char *partuuid, struct gpt_partition *ret);
