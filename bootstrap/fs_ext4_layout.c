/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fs_ext4_layout.h. Every number comes from a disk that somebody else may have written;
 * fs_ext4_parse.c has checked that they are where ext4 has them.
 */
#include "bootstrap/fs_ext4_layout.h"

#include "common/err.h"

#include <errno.h>
#include <stdlib.h>

#define SPARE_BLOCKS 50 /* what resize2fs wants beside the metadata in a last group */

/* --- where data ends -------------------------------------------------------------------------- */

static int compare_ranges(const void *a, const void *b)
{
	const struct ext4_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* The highest block in first..last that is no metadata, plus one; first when all are. */
static uint64_t end_of_data_in(const struct ext4_ranges *metadata, uint64_t first, uint64_t last)
{
	uint64_t end = last + 1;

	for (size_t i = metadata->count; i > 0 && end > first; i--) {
		const struct ext4_range *item = &metadata->items[i - 1];

		if (item->first >= end)
			continue;
		if (item->last < end - 1)
			return end;
		end = item->first;
	}
	return MAX(end, first);
}

/* From the top: the gaps between free ranges are in use. A gap counts from its start, with the
 * metadata in it. */
static uint64_t find_end_of_data(const struct ext4_ranges *free, const struct ext4_layout *layout,
				 uint64_t strays_max)
{
	uint64_t end = layout->block_count, strays = 0;

	for (size_t i = free->count + 1; i > 0; i--) {
		uint64_t first = i > 1 ? free->items[i - 2].last + 1 : layout->first_block;
		uint64_t found = first < end ? end_of_data_in(&layout->metadata, first, end - 1)
					     : first;

		strays += found - first;
		if (strays > strays_max)
			return found;
		if (i > 1)
			end = free->items[i - 2].first;
	}
	return layout->first_block;
}

void ext4_layout_settle(struct ext4_layout *layout)
{
	qsort(layout->metadata.items, layout->metadata.count, sizeof(struct ext4_range),
	      compare_ranges);
	layout->end_of_data_block = find_end_of_data(&layout->free, layout, 0);
	layout->end_of_most_block = find_end_of_data(&layout->free, layout, EXT4_STRAYS_MAX);
}

void ext4_layout_done(struct ext4_layout *layout)
{
	free(layout->metadata.items);
	free(layout->free.items);
	layout->metadata = layout->free = (struct ext4_ranges){ 0 };
}

bool ext4_layout_is_free(const struct ext4_layout *layout, uint64_t offset_bytes, uint64_t len)
{
	uint64_t at = offset_bytes / layout->block_bytes;
	uint64_t end = (offset_bytes + len + layout->block_bytes - 1) / layout->block_bytes;

	end = MIN(end, layout->block_count);
	for (size_t i = 0; i < layout->free.count && at < end; i++) {
		const struct ext4_range *item = &layout->free.items[i];

		if (item->first <= at && at <= item->last)
			at = item->last + 1;
	}
	return at >= end;
}

/* --- sizes ------------------------------------------------------------------------------------ */

bool ext4_layout_is_exact(const struct ext4_layout *layout, uint64_t size_bytes)
{
	uint64_t blocks = size_bytes / layout->block_bytes, last_group;

	if (size_bytes % layout->block_bytes || blocks <= layout->first_block ||
	    blocks > layout->block_count)
		return false;
	last_group = (blocks - layout->first_block) % layout->blocks_per_group;
	return !last_group || last_group >= layout->overhead_blocks + SPARE_BLOCKS;
}

/* Nothing is lost behind this size but the data behind `end`. */
static bool is_possible(const struct ext4_layout *layout, uint64_t size_bytes, uint64_t end)
{
	uint64_t blocks = size_bytes / layout->block_bytes, groups;

	if (!layout->group_count || blocks <= layout->first_block)
		return false;
	groups = (blocks - layout->first_block + layout->blocks_per_group - 1) /
		 layout->blocks_per_group;
	if (blocks < end || groups < layout->end_of_inode_group)
		return false;
	for (size_t i = 0; i < layout->metadata.count; i++) {
		const struct ext4_range *item = &layout->metadata.items[i];

		if (item->owner < groups && item->last >= blocks)
			return false;
	}
	return true;
}

bool ext4_layout_is_unmoved(const struct ext4_layout *layout, uint64_t size_bytes)
{
	return is_possible(layout, size_bytes, layout->end_of_data_block);
}

static int smallest(const struct ext4_layout *layout, uint64_t end, uint64_t *ret)
{
	uint64_t now = layout->block_count * layout->block_bytes, group;

	if (layout->obstacle[0])
		return fail(
			-EOPNOTSUPP,
			"the filesystem has the feature %s, with which it can't be cut safely here",
			layout->obstacle);
	if (!layout->group_count)
		return fail(-EINVAL, "dumpe2fs: no groups in its output");
	group = (end - layout->first_block + layout->blocks_per_group - 1) /
		layout->blocks_per_group;
	group = MAX(MAX(group, layout->end_of_inode_group), 1);
	for (; group < layout->group_count; group++) {
		uint64_t bytes = (layout->first_block + group * layout->blocks_per_group) *
				 layout->block_bytes;

		bytes = (bytes + MIB - 1) / MIB * MIB;
		while (bytes < now && !ext4_layout_is_exact(layout, bytes))
			bytes += MIB;
		if (bytes < now && is_possible(layout, bytes, end)) {
			*ret = bytes;
			return 0;
		}
	}
	*ret = now;
	return 0;
}

int ext4_layout_unmoved_bytes(const struct ext4_layout *layout, uint64_t *ret)
{
	return smallest(layout, layout->end_of_data_block, ret);
}

int ext4_layout_least_bytes(const struct ext4_layout *layout, uint64_t *ret)
{
	return smallest(layout, layout->end_of_most_block, ret);
}
