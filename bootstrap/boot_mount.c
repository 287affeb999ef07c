/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mounts what a power cut has left. A cut can tear the commit block of an ext4's journal, or its
 * superblock, whose checksums then don't match: the kernel refuses to mount that, and e2fsck drops
 * what was never committed. The distribution's own boot checks root before it mounts it; so does
 * this, where mounting fails.
 */
#include "bootstrap/boot_run.h"
#include "bootstrap/fs.h"
#include "bootstrap/mount.h"
#include "common/err.h"
#include "common/log.h"

int boot_mount(const char *device, const char *target, const char *fstype, unsigned long flags)
{
	const struct fs *fs = NULL;
	int r = mount_device(device, target, fstype, flags, NULL);

	if (r == 0)
		return 0;
	log_warning("%s: checking it", fail_text());
	r = fs_find(fstype, &fs);
	if (r == 0)
		r = fs->check(device, NULL);
	return r < 0 ? r : mount_device(device, target, fstype, flags, NULL);
}
