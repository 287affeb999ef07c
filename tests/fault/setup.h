/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine as it is before the first cut.
 */
#pragma once

#include "common/base.h"

#ifndef SETUP_SHIFT_BYTES /* the figures want the real one */
#define SETUP_SHIFT_BYTES MIB
#endif
#define SETUP_GRUB_OLD 0x11
#define SETUP_GRUB_NEW 0x22
#define SETUP_MODULE_BYTES 8192

/* All end the program when they fail. */

struct setup {
	const char *folder;
	uint64_t payload_bytes; /* 0: not cut yet */
	uint64_t boot_bytes;
	uint64_t shift_bytes;
};

/* Header copy, intent and, where there is a partition table, its copy, for the filesystem in
 * folder/device. */
void setup_machine(const struct setup *setup);

/* Of a volume that is encrypted: another key's slots, and it is about to change to that. */
void setup_rotation(const char *folder);

/* What grub-install will find in folder: a GRUB that is filled with this byte. */
void setup_grub(const char *folder, uint8_t code);
