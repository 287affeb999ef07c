/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What dumpe2fs prints about a filesystem that somebody else has made. The sizes that come out are
 * ones that the layout itself accepts.
 * FUZZ_SOURCES: bootstrap/fs_ext4_layout.c bootstrap/fs_ext4_parse.c
 */
#include "bootstrap/fs_ext4_parse.h"

#include <stdlib.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ext4_layout layout;

	if (len > 64 * KIB)
		return 0;
	if (ext4_layout_parse((const char *)data, len, &layout) == 0)
		check(&layout);
	ext4_layout_done(&layout);
	return 0;
}
