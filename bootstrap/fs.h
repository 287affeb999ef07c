/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a filesystem can do for us, one file each (fs_ext4.c), one table (fs.c). Devices are not
 * mounted unless said.
 */
#pragma once

#include "common/base.h"

struct fs {
	const char *name; /* as blkid says it */

	/* Full check; repairs only what is safe without a question (e2fsck -fp). Negative when
	 * anything is left. */
	int (*check)(const char *device);

	/* The smallest size (one that shrink() makes exactly) to which it can be cut without moving
	 * a block or an inode; its present size when nothing can be cut. */
	int (*unmoved_bytes)(const char *device, uint64_t *ret);

	/* The largest size, a multiple of 1 MiB and at most most_bytes and its present size, to
	 * which shrink() can cut it exactly. */
	int (*fit_bytes)(const char *device, uint64_t most_bytes, uint64_t *ret);

	/* Its own idea of its size (unmounted or mounted), and of used bytes: what is in it, not
	 * what grows with its size. */
	int (*size_bytes)(const char *device, uint64_t *ret_size, uint64_t *ret_used);

	/* Cuts it to exactly size_bytes (of fit_bytes() or unmoved_bytes()). Checked before by the
	 * caller. */
	int (*shrink)(const char *device, uint64_t size_bytes);

	/* While it is mounted, and until the next mount: new blocks go where there is room nearest
	 * to its start (true), or where the kernel likes (false). What is written before `shrink`
	 * then needn't be encrypted for lying far behind everything else. 0 also where the kernel
	 * can't be told. */
	int (*keep_low)(const char *device, bool is_wanted);

	/* Grows it to the whole device, mounted or not. */
	int (*grow)(const char *device);
};

/* -EOPNOTSUPP with a sentence for filesystems without a row. */
int fs_find(const char *name, const struct fs **ret) MUST_CHECK;
