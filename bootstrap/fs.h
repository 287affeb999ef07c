/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a filesystem can do for us, one file each (fs_ext4.c), one table (fs.c). Devices are not mounted unless said.
 */
#pragma once

#include "common/base.h"

struct fs {
	const char *name; /* as blkid says it */

	/* Full check; repairs only what is safe without a question (e2fsck -fp). Negative when anything is left. */
	int (*check)(const char *device);

	/* The smallest size to which it can be cut without moving a block or an inode. */
	int (*unmoved_bytes)(const char *device, uint64_t *ret);

	/* Its own idea of its size (unmounted or mounted), and of used bytes. */
	int (*size_bytes)(const char *device, uint64_t *ret_size, uint64_t *ret_used);

	/* Cuts it to exactly size_bytes (a multiple of its block size). Checked before by the caller. */
	int (*shrink)(const char *device, uint64_t size_bytes);

	/* Grows it to the whole device, mounted or not. */
	int (*grow)(const char *device);
};

/* -EOPNOTSUPP with a sentence for filesystems without a row. */
int fs_find(const char *name, const struct fs **ret) MUST_CHECK;
