/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GRUB's boot sector and core image for BIOS, as bytes: where a second core image goes beside the
 * first, and what the two sectors that name places must say. Pure. Formats: GRUB's
 * include/grub/i386/pc/boot.h and util/setup.c (2.00 to 2.12); docs/on-disk.md.
 */
#pragma once

#include "common/base.h"

#define GRUB_SECTOR_BYTES 512
/* GRUB loads its core to 0x8200 and up to 0x78000 (util/setup.c). */
#define GRUB_CORE_MAX_BYTES ((0x78000 - 0x8200) / GRUB_SECTOR_BYTES * GRUB_SECTOR_BYTES)

/* In sectors of the disk. */
struct grub_place {
	uint64_t first, count;
};

/* Where the boot sector has its core image: the first sector; false when it isn't GRUB's. */
bool grub_boot_sector_read(const uint8_t sector[static GRUB_SECTOR_BYTES], uint64_t *ret_first);

/* How long a core image is that begins with this sector; false when it isn't one, or lies in
 * pieces. */
bool grub_core_length(const uint8_t first_sector[static GRUB_SECTOR_BYTES], uint64_t *ret_sectors);

/* A place for a core image of `sectors` in the BIOS boot partition that leaves what is in use alone
 * (in_use.count 0: nothing is). -ENOSPC with a sentence. */
int grub_core_place(struct grub_place partition, struct grub_place in_use, uint64_t sectors,
		    uint64_t *ret_first) MUST_CHECK;

/* Tells a core image (as grub-mkimage made it, len rounded up to whole sectors) that it lies at
 * `first`. -EINVAL: it isn't one. */
int grub_core_settle(uint8_t *core, size_t len, uint64_t first) MUST_CHECK;

/* The new boot sector: GRUB's code from boot.img, the disk's own data from the present sector, the
 * core image at `first`. */
void grub_boot_sector_make(const uint8_t boot_img[static GRUB_SECTOR_BYTES],
			   const uint8_t present[static GRUB_SECTOR_BYTES], uint64_t first,
			   uint8_t ret[static GRUB_SECTOR_BYTES]);
