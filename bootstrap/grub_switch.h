/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts a new GRUB into charge in one write, so that whatever a power cut leaves starts: the old one
 * or the new one. Everything that the new one reads must be settled on its disk before.
 */
#pragma once

#include "common/base.h"

/* BIOS: writes core.img beside the one in use in the BIOS boot partition, reads it back, then
 * writes the boot sector. images: the folder with boot.img and core.img. Sizes in bytes. */
int grub_switch_bios(const char *disk, uint64_t partition_start_bytes,
		     uint64_t partition_size_bytes, const char *images) MUST_CHECK;

/* EFI: takes each file below `staged` that differs to the same name below `esp`: written beside,
 * flushed, renamed. Both on the ESP; staged is removed at the end. */
int grub_switch_efi(const char *staged, const char *esp) MUST_CHECK;
