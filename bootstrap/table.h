/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libfdisk: the partition table of one disk. Sizes and offsets in bytes. Changes are
 * written alternate GPT first, flushed, then primary, and told to the kernel partition by partition
 * (the disk may be in use).
 */
#pragma once

#include "common/base.h"

#define TABLE_PARTITIONS_MAX 128

/* Partition types (GPT). */
#define GPT_BIOS_BOOT "21686148-6449-6E6F-744E-656564454649"
#define GPT_ESP "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

struct table_partition {
	unsigned number;
	uint64_t start_bytes, size_bytes;
	char type[37], partuuid[37], name[73];
};

struct table {
	char type[16], disk_id[37];
	uint64_t first_bytes, last_bytes; /* usable range; last is the first byte behind it */
	uint64_t sector_bytes;
	size_t count;
	struct table_partition partitions[TABLE_PARTITIONS_MAX];
};

#define TABLE_LINUX_TYPE "0fc63daf-8483-4772-8e79-3d69d8477de4"

/* Where table_carve() puts the new partition: the first MiB behind this one. */
uint64_t table_start_behind(const struct table_partition *partition);

int table_read(const char *disk, struct table *ret) MUST_CHECK;

/* Cuts partition `shrink` to new_size_bytes and makes a new Linux partition with the given GUID in
 * the room behind it (new_bytes long), number: the first free one, returned. */
int table_carve(const char *disk, unsigned shrink, uint64_t new_size_bytes, uint64_t new_bytes,
		const char *partuuid, unsigned *ret_number) MUST_CHECK;

/* The way back: deletes the partition with the GUID and gives partition `grow` its room back. */
int table_uncarve(const char *disk, unsigned grow, const char *partuuid) MUST_CHECK;

/* Is one of the two copies of the GPT missing or damaged? Reads only. */
int table_is_torn(const char *disk, bool *ret) MUST_CHECK;

/* Writes both copies again as the one that is whole has them, and only if that is one of `known`
 * (count of them): -EUCLEAN with a sentence when it isn't. 0 also when neither was damaged. */
int table_mend(const char *disk, const struct table *known, size_t count,
	       bool (*is_same)(const struct table *a, const struct table *b)) MUST_CHECK;

/* Device node of a partition: /dev/vda + 1 = /dev/vda1, /dev/nvme0n1 + 1 = /dev/nvme0n1p1. */
int table_node(const char *disk, unsigned number, char *ret, size_t size) MUST_CHECK;
