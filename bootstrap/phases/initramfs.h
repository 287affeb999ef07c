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

/* Tells the boot step which filesystem holds its state, in which folder of it, and in which boot
 * this was said (so that a later boot that went around the boot step is noticed). */
int boot_json_write(const struct intent *intent, const char *uuid, const char *path) MUST_CHECK;

/* Regenerates every image and checks that each holds the boot step. */
int boot_images_rebuild(struct job *job) MUST_CHECK;

/* Our crypttab line with these options. */
int crypttab_write(const struct intent *intent, const char *options) MUST_CHECK;
