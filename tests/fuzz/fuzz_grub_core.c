/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A boot sector and a core image's first sector as a disk may hold them: whatever they say, the new
 * core image lies inside of the partition and beside what is in use. FUZZ_SOURCES:
 * bootstrap/grub_core.c
 */
#include <stdlib.h>
#include <string.h>

#include "bootstrap/grub_core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct grub_place partition = { 2048, 2048 };
	uint8_t core[4 * GRUB_SECTOR_BYTES] = { 0 };
	struct grub_place in_use = { 0 };
	uint64_t first;

	if (size < 2 * GRUB_SECTOR_BYTES)
		return 0;
	if (grub_boot_sector_read(data, &in_use.first) &&
	    !grub_core_length(data + GRUB_SECTOR_BYTES, &in_use.count))
		in_use.count = GRUB_CORE_MAX_BYTES / GRUB_SECTOR_BYTES;
	if (grub_core_place(partition, in_use, 4, &first) == 0 &&
	    (first < 2048 || first + 4 > 4096 ||
	     (in_use.count > 0 && in_use.first < first + 4 && first < in_use.first + in_use.count)))
		abort();
	memcpy(core, data + GRUB_SECTOR_BYTES, GRUB_SECTOR_BYTES);
	if (grub_core_settle(core, sizeof(core), 9) == 0 && !grub_core_length(core, &first))
		abort();
	return 0;
}
