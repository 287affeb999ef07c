/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What dumpe2fs prints about a filesystem that somebody else has made. The sizes that come out are
 * ones that the layout itself accepts. And a superblock: mended once, nothing is left to mend.
 * FUZZ_SOURCES: bootstrap/fs_ext4_layout.c bootstrap/fs_ext4_parse.c
 * FUZZ_SOURCES: bootstrap/fs_ext4_superblock.c
 */
#include "bootstrap/fs_ext4_parse.h"
#include "bootstrap/fs_ext4_superblock.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct ext4_layout *layout)
{
	uint64_t now = layout->block_count * layout->block_bytes, unmoved = 0, least = 0;

	if (layout->end_of_data_block > layout->block_count ||
	    layout->end_of_inode_group > layout->group_count)
		abort();
	if (ext4_layout_unmoved_bytes(layout, &unmoved) < 0)
		return;
	if (unmoved > now || ext4_layout_least_bytes(layout, &least) < 0 || least > unmoved)
		abort();
	if (least < now && !ext4_layout_is_exact(layout, least))
		abort();
	if (unmoved < now &&
	    (!ext4_layout_is_exact(layout, unmoved) || !ext4_layout_is_unmoved(layout, unmoved)))
		abort();
}

static void mend(const uint8_t *data)
{
	static const char uuid[] = "11111111-2222-4333-8444-555555555555";
	uint8_t superblock[EXT4_SUPERBLOCK_BYTES];

	memcpy(superblock, data, sizeof(superblock));
	if (ext4_superblock_mend(superblock, uuid) && ext4_superblock_mend(superblock, uuid))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ext4_layout layout;

	if (len > 64 * KIB)
		return 0;
	if (len >= EXT4_SUPERBLOCK_BYTES)
		mend(data);
	if (ext4_layout_parse((const char *)data, len, &layout) == 0)
		check(&layout);
	ext4_layout_done(&layout);
	return 0;
}
