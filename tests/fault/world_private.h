/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the world share. Nobody else includes this.
 */
#pragma once

#include "tests/fault/world.h"

/* Of this process; NULL: none yet. */
extern struct world *here;

/* The kernel's root partition is as long as the partition table says. */
void world_cut_device(void);

/* What programs and the product say is not shown, but for CRASH_SAY. */
void world_be_quiet(void);
