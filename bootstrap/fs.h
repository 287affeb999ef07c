/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a filesystem can do for us, one file each (fs_ext4.c), one table (fs.c). Devices are not
 * mounted unless said. With a view (bootstrap/view.h) what they change is kept there and the device
 * stays as it is; NULL: the device itself.
 */
#pragma once

#include "common/base.h"

struct view;

struct fs {
	const char *name; /* as blkid says it */

	/* Full check; repairs only what is safe without a question (e2fsck -fp). Negative when
	 * anything is left. */
	int (*check)(const char *device, struct view *view);

	/* Nobody recognises it because its superblock is torn: makes that one valid again, as a
	 * mixture of old and new, if it is of the filesystem `uuid`; check() has to follow. The
	 * caller knows that nothing else can have taken its place. */
	int (*mend)(const char *device, const char *uuid);

	/* The smallest size (one that shrink() makes exactly) to which it can be cut without moving
	 * a block or an inode; its present size when nothing can be cut. */
	int (*unmoved_bytes)(const char *device, struct view *view, uint64_t *ret);

	/* The same for a cut that moves so few blocks that a redo log holds them, and no inode. Not
	 * more than unmoved_bytes() says. */
	int (*least_bytes)(const char *device, struct view *view, uint64_t *ret);

	/* The largest size, a multiple of 1 MiB and at most most_bytes and its present size, to
	 * which shrink() can cut it exactly. */
	int (*fit_bytes)(const char *device, struct view *view, uint64_t most_bytes, uint64_t *ret);

	/* Its own idea of its size (unmounted or mounted), and of used bytes: what is in it, not
	 * what grows with its size. */
	int (*size_bytes)(const char *device, struct view *view, uint64_t *ret_size,
			  uint64_t *ret_used);

	/* Cuts it to exactly size_bytes (of fit_bytes(), unmoved_bytes() or
	 * least_bytes()). Checked before by the
	 * caller. */
	int (*shrink)(const char *device, struct view *view, uint64_t size_bytes);

	/* An offset, a multiple of 1 MiB, from which on `len` bytes hold nothing of it, neither
	 * files nor its own metadata: the last one with from_bytes <= offset and its end <=
	 * to_bytes. -ENOSPC with a sentence when there is none. What lies behind its end is
	 * free. */
	int (*find_free)(const char *device, uint64_t from_bytes, uint64_t to_bytes, uint64_t len,
			 uint64_t *ret);

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
