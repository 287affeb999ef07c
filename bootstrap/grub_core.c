/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See grub_core.h. Numbers are little-endian and unaligned.
 */
#include "bootstrap/grub_core.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"

/* Offsets in the boot sector (GRUB_BOOT_MACHINE_…). */
#define BPB_AT 0x3
#define BPB_END 0x5a
#define KERNEL_ADDRESS_AT 0x5a
#define KERNEL_SECTOR_AT 0x5c
#define BOOT_DRIVE_AT 0x64
#define DRIVE_CHECK_AT 0x66
#define DISK_DATA_AT 0x1b8 /* signature and partition table */
#define DISK_DATA_END 0x1fe

/* The list of pieces at the end of the core's first sector grows downwards: {u64 start, u16 count,
 * u16 segment}, ended by a count of 0. */
#define PIECE_BYTES 12
#define PIECE_AT (GRUB_SECTOR_BYTES - PIECE_BYTES)
#define PIECE_SEGMENT 0x820 /* behind the first sector, which is at 0x8000 */

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

static void put(uint8_t *at, size_t bytes, uint64_t value)
{
	for (size_t i = 0; i < bytes; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

bool grub_boot_sector_read(const uint8_t sector[static GRUB_SECTOR_BYTES], uint64_t *ret_first)
{
	/* jmp over the parameter block; the core is loaded to 0x8000; the boot drive is used */
	if (sector[0] != 0xeb || get(sector + KERNEL_ADDRESS_AT, 2) != 0x8000 ||
	    sector[BOOT_DRIVE_AT] != 0xff || get(sector + DISK_DATA_END, 2) != 0xaa55)
		return false;
	*ret_first = get(sector + KERNEL_SECTOR_AT, 8);
	return *ret_first > 0;
}

static bool has_one_piece(const uint8_t *sector)
{
	return get(sector + PIECE_AT + 8, 2) > 0 &&
	       get(sector + PIECE_AT + 10, 2) == PIECE_SEGMENT &&
	       get(sector + PIECE_AT - PIECE_BYTES + 8, 2) == 0;
}

bool grub_core_length(const uint8_t first_sector[static GRUB_SECTOR_BYTES], uint64_t *ret_sectors)
{
	if (!has_one_piece(first_sector))
		return false;
	*ret_sectors = get(first_sector + PIECE_AT + 8, 2) + 1;
	return true;
}

int grub_core_place(struct grub_place partition, struct grub_place in_use, uint64_t sectors,
		    uint64_t *ret_first)
{
	uint64_t used_end = in_use.first + in_use.count, end = partition.first + partition.count;

	if (in_use.count == 0 || in_use.first >= end || used_end <= partition.first) {
		if (sectors <= partition.count) {
			*ret_first = partition.first;
			return 0;
		}
	} else if (in_use.first >= partition.first + sectors) {
		*ret_first = partition.first;
		return 0;
	} else if (used_end <= end && sectors <= end - used_end) {
		*ret_first = end - sectors;
		return 0;
	}
	return fail(-ENOSPC,
		    "boot-loader: the BIOS boot partition (%llu sectors) has no room for GRUB "
		    "(%llu) beside the one in use: enlarge it to 1 MiB or more",
		    (unsigned long long)partition.count, (unsigned long long)sectors);
}

int grub_core_settle(uint8_t *core, size_t len, uint64_t first)
{
	if (len < 2 * GRUB_SECTOR_BYTES || len > GRUB_CORE_MAX_BYTES || len % GRUB_SECTOR_BYTES ||
	    !has_one_piece(core))
		return fail(-EINVAL, "boot-loader: GRUB's core.img isn't as this version knows it");
	put(core + PIECE_AT, 8, first + 1);
	put(core + PIECE_AT + 8, 2, len / GRUB_SECTOR_BYTES - 1);
	return 0;
}

void grub_boot_sector_make(const uint8_t boot_img[static GRUB_SECTOR_BYTES],
			   const uint8_t present[static GRUB_SECTOR_BYTES], uint64_t first,
			   uint8_t ret[static GRUB_SECTOR_BYTES])
{
	uint8_t sector[GRUB_SECTOR_BYTES];

	memcpy(sector, boot_img, sizeof(sector));
	memcpy(sector + BPB_AT, present + BPB_AT, BPB_END - BPB_AT);
	memcpy(sector + DISK_DATA_AT, present + DISK_DATA_AT, DISK_DATA_END - DISK_DATA_AT);
	put(sector + KERNEL_SECTOR_AT, 8, first);
	sector[BOOT_DRIVE_AT] = 0xff;
	memset(sector + DRIVE_CHECK_AT, 0x90, 2); /* nops: a BIOS may name the drive wrongly */
	put(sector + DISK_DATA_END, 2, 0xaa55);
	memcpy(ret, sector, sizeof(sector));
}
