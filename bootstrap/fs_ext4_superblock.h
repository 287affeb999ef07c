/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one thing that is done to an ext4 superblock without e2fsprogs, which all refuse one whose
 * checksum is wrong: giving it the right one. Pure: changes the bytes it is given.
 */
#pragma once

#include "common/base.h"

#define EXT4_SUPERBLOCK_OFFSET 1024
#define EXT4_SUPERBLOCK_BYTES 1024

/* True when it was of the filesystem `uuid`, with a wrong checksum; then it has the right one. Else
 * nothing was changed. */
bool ext4_superblock_mend(uint8_t superblock[static EXT4_SUPERBLOCK_BYTES], const char *uuid);
