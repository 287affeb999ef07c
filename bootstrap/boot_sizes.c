/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See boot_sizes.h. Nothing here looks at a device.
 */
#include "bootstrap/boot_sizes.h"

#include "common/err.h"
#include "common/strbuf.h"

#include <errno.h>

#ifndef PAYLOAD_LEAST_BYTES /* tests that rebuild thousands of disks make them smaller */
#define PAYLOAD_LEAST_BYTES (64 * MIB)
#endif
#define LUKS_SECTOR_BYTES 4096

int boot_carve_size(uint64_t start_bytes, uint64_t size_bytes, uint64_t boot_bytes,
		    uint64_t shift_bytes, uint64_t *ret_root_bytes)
{
	uint64_t end = start_bytes + size_bytes, root;
	char room[24];

	if (size_bytes < boot_bytes + 2 * shift_bytes + PAYLOAD_LEAST_BYTES + MIB)
		return fail(-ENOSPC,
			    "too-little-space: the root partition has %s: enlarge the disk",
			    text_bytes(room, size_bytes));
	root = (end - boot_bytes) / MIB * MIB - start_bytes;
	*ret_root_bytes = root / LUKS_SECTOR_BYTES * LUKS_SECTOR_BYTES;
	return 0;
}

int boot_payload_size(const struct payload_facts *facts, uint64_t *ret_bytes)
{
	char at[24], most_text[24];
	uint64_t most, wanted;

	if (facts->root_bytes < 2 * facts->shift_bytes + PAYLOAD_LEAST_BYTES)
		return fail(-ENOSPC,
			    "too-little-space: the root partition has %s: enlarge the disk",
			    text_bytes(at, facts->root_bytes));
	most = MIN(facts->root_bytes - 2 * facts->shift_bytes, facts->fs_bytes);
	if (facts->unmoved_bytes > most)
		return fail(-ENOSPC,
			    "tail-in-use: files lie in the filesystem up to %s, and room is needed "
			    "from %s on: delete "
			    "or rewrite large files, or enlarge the disk, and run again",
			    text_bytes(at, facts->unmoved_bytes), text_bytes(most_text, most));
	wanted = facts->used_bytes + facts->used_bytes / 4 + PAYLOAD_SLACK_BYTES;
	wanted = facts->is_all_wanted ? most : (wanted + MIB - 1) / MIB * MIB;
	*ret_bytes = MIN(MAX(wanted, facts->unmoved_bytes), most);
	return 0;
}
