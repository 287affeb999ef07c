/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Phases of the running system, in a world. Of the programs that they call, grub-install, which
 * needs a whole machine, is replaced.
 */
#pragma once

#include "tests/fault/world.h"

#define WORLD_MAPPED "filesystem" /* in the machine's folder: what the mapping shows */

#define WORLD_GRUB_NEW                                                                             \
	"grub-" /* before the name, in the machine's folder: what grub-install has  \
				*/

/* What GRUB reads: its images, and a file that stands for its modules. Ends with NULL. */
extern const char *const world_grub_files[];

/* 0, or negative as the phase says it. */
int world_wipe(struct world *world);

/* Of `bootpart`: grub_install(), for BIOS. /boot is the state folder. */
int world_install_grub(struct world *world);
