/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The row of fs.c for ext4. Only fs.c and tests include this.
 */
#pragma once

#include "bootstrap/fs.h"

extern const struct fs fs_ext4;
