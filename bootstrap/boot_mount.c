/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mounts what a power cut has left. A cut can tear the commit block of an ext4's journal, whose
 * checksum then doesn't match: the kernel refuses to mount that, and e2fsck drops what was never
 * committed. The distribution's own boot checks root before it mounts it; so does this, where
 * mounting fails. Or the superblock, also while e2fsck writes it: then nobody even finds the
 * filesystem by its UUID.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/fs.h"
#include "bootstrap/mount.h"
#include "common/err.h"
#include "common/log.h"

#include <errno.h>

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

int boot_mend(const char *device, const char *uuid)
{
	const struct fs *fs = NULL;
	struct block_content content;
	int r = block_probe(device, &content);

	if (r == 0 && content.type[0])
		r = fail(-EEXIST, "%s holds something else (%s)", device, content.type);
	if (r == 0)
		r = fs_find("ext4", &fs); /* the only one that has a row */
	if (r == 0)
		r = fs->mend(device, uuid);
	if (r == 0) {
		log_warning("the superblock of %s was torn: checking it", device);
		r = fs->check(device, NULL);
	}
	return r;
}
