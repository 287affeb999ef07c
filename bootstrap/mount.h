/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libmount: what is mounted, mounting and unmounting.
 */
#pragma once

#include "bootstrap/facts.h"

/* Calls each() for every mounted filesystem of this namespace. */
int mount_each(int (*each)(const struct facts_mount *mount, const char *options, void *userdata),
	       void *userdata) MUST_CHECK;

/* What is mounted at exactly this target; -ENOENT without a sentence. options may be NULL. */
int mount_at(const char *target, struct facts_mount *ret, char *ret_options,
	     size_t options_size) MUST_CHECK;

/* mount(2) with flags (MS_RDONLY …) and data; makes the target folder. No fstab, no helpers. */
int mount_device(const char *device, const char *target, const char *fstype, unsigned long flags,
		 const char *data) MUST_CHECK;
int mount_remove(const char *target) MUST_CHECK;

/* syncfs + FIFREEZE/FITHAW: GRUB replays no journal, so what it must read has to be at its place on
 * the disk. */
int mount_settle(const char *target) MUST_CHECK;
