/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What dumpe2fs prints about an ext4 filesystem, read into a layout. Pure: text in, numbers out;
 * runs no program, opens no device.
 */
#pragma once

#include "bootstrap/fs_ext4_layout.h"

/* Reads the output of `dumpe2fs` (C locale), of `dumpe2fs -h` too. -EINVAL with a sentence naming
 * what is missing or contradicts itself. The caller ends the layout with ext4_layout_done(), also
 * after a failure. */
int ext4_layout_parse(const char *text, size_t len, struct ext4_layout *ret) MUST_CHECK;
