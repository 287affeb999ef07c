/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an ext4 filesystem has its data and metadata, and how small it may become. Pure. All block
 * numbers are the filesystem's own, counted from the device's start.
 */
#pragma once

#include "common/base.h"

struct ext4_range {
	uint64_t first, last;
	uint64_t owner; /* the group whose superblock copy, bitmap or inode table this is; unused
			   for free ranges */
};

struct ext4_ranges {
	struct ext4_range *items;
	size_t count, room;
};

/* So few blocks may be moved to make a filesystem smaller: a block of some log file's extents at
 * the end of the disk isn't worth encrypting all that is before it. */
#define EXT4_STRAYS_MAX 512

struct ext4_layout {
	uint64_t block_bytes, block_count, free_blocks, first_block;
	uint64_t blocks_per_group, inodes_per_group, inode_blocks_per_group;
	uint64_t group_count;	     /* seen; 0 after `dumpe2fs -h` */
	uint64_t overhead_blocks;    /* at most what the metadata of one group takes */
	uint64_t end_of_data_block;  /* first block behind the last one that isn't some group's
					metadata */
	uint64_t end_of_most_block;  /* the same but for at most EXT4_STRAYS_MAX blocks behind it */
	uint64_t end_of_inode_group; /* first group behind the last one with an inode in use */
	bool has_journal_to_replay;  /* it wasn't unmounted: what is in the journal counts */
	char obstacle[24]; /* a feature with which blocks can't be predicted here; "" if none */
	struct ext4_ranges metadata; /* sorted by first block */
	struct ext4_ranges free;     /* blocks, ascending; empty after `dumpe2fs -h` */
};

/* Frees what it has; {0} is fine too. */
void ext4_layout_done(struct ext4_layout *layout);

/* When the metadata (in any order) and the free ranges (ascending) of all groups are in: sorts the
 * metadata and finds where data ends. */
void ext4_layout_settle(struct ext4_layout *layout);

/* Does resize2fs make exactly this size? It drops a last group that has little room beside its own
 * metadata (e2fsprogs resize/resize2fs.c, adjust_fs_info()). Sizes that aren't whole blocks are not
 * exact. */
bool ext4_layout_is_exact(const struct ext4_layout *layout, uint64_t size_bytes);

/* Are these bytes free, or behind the end of the filesystem? */
bool ext4_layout_is_free(const struct ext4_layout *layout, uint64_t offset_bytes, uint64_t len);

/* Would a cut to this size leave every block and inode where it is? */
bool ext4_layout_is_unmoved(const struct ext4_layout *layout, uint64_t size_bytes);

/* The smallest such size at the end of a group, rounded up to a MiB and to an exact size; the
 * present size when there is none below it. -EOPNOTSUPP with a sentence when the layout has an
 * obstacle. */
int ext4_layout_unmoved_bytes(const struct ext4_layout *layout, uint64_t *ret) MUST_CHECK;

/* The same for a cut that moves at most EXT4_STRAYS_MAX blocks, and no inode. */
int ext4_layout_least_bytes(const struct ext4_layout *layout, uint64_t *ret) MUST_CHECK;
