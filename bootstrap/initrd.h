/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an initramfs generator can do for us; one file each (initrd_initramfs_tools.c).
 */
#pragma once

#include "bootstrap/facts.h"

struct initrd {
	const char *name;

	/* Regenerates the image of every installed kernel. Takes a minute on a slow machine. */
	int (*rebuild)(void);

	/* Looks into the image of one kernel: every wanted path must be there and not empty, no
	 * unwanted one may be. Lists end with NULL; paths without a leading slash. 1: as wanted; 0:
	 * not (with a sentence); negative: can't look. */
	int (*check)(const char *kernel, const char *const *wanted, const char *const *unwanted);
};

/* -EOPNOTSUPP with a sentence when there is none for this machine. */
int initrd_find(enum initrd_kind kind, const struct initrd **ret) MUST_CHECK;

/* check() over all kernels of the facts; the first that isn't as wanted decides. */
int initrd_check_all(const struct facts *facts, const char *const *wanted,
		     const char *const *unwanted) MUST_CHECK;

/* Regenerates every image, then checks each: -EIO with a sentence when one isn't as wanted. */
int initrd_rebuild_all(const struct facts *facts, const char *const *wanted,
		       const char *const *unwanted) MUST_CHECK;
