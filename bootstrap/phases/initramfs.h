/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `initramfs` and `bootpart` share: both make boot images that hold the boot step.
 */
#pragma once

#include "bootstrap/phase.h"

#define BOOT_JSON STATE_DIR "/boot.json"
#define REDO_KEY_FILE STATE_DIR "/redo.key"	/* authenticates redo logs; unlocks nothing */
#define TABLE_COPY_FILE STATE_DIR "/table.json" /* the partition table from before */
#define FSTAB_KEPT STATE_DIR "/fstab.kept"

/* Tells the boot step which filesystem holds its state, in which folder of it. is_image_made: the
 * images have that, and the machine boots them: says in which boot that was done, so that a later
 * boot that went around the boot step is noticed. Before that, a cut is followed by a boot that
 * can't know the boot step. */
int boot_json_write(const struct intent *intent, const char *uuid, const char *path,
		    bool is_image_made) MUST_CHECK;

/* Regenerates every image and checks that each holds the boot step. */
int boot_images_rebuild(struct job *job) MUST_CHECK;

/* Our crypttab line with these options. */
int crypttab_write(const struct intent *intent, const char *options) MUST_CHECK;
