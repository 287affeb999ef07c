/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libmount for reading the kernel's table; mount(2) itself for mounting: no fstab, no helpers, no
 * utab, so that the same code works in the initramfs.
 */
#include "bootstrap/mount.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <libmount.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#define MOUNTINFO "/proc/self/mountinfo"

DEFINE_CLEANUP(struct libmnt_table *, mnt_unref_table);
DEFINE_CLEANUP(struct libmnt_iter *, mnt_free_iter);
#define CLEANUP_TABLE CLEANUP(mnt_unref_tablep)
#define CLEANUP_ITER CLEANUP(mnt_free_iterp)

static int read_table(struct libmnt_table **ret)
{
	CLEANUP_TABLE struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);

	if (!table)
		return fail(-EIO, "reading " MOUNTINFO ": is /proc mounted?");
	*ret = TAKE_PTR(table);
	return 0;
}

static void text_or_empty(char *ret, size_t size, const char *text)
{
	snprintf(ret, size, "%s", text ? text : "");
}

static void fill(struct facts_mount *ret, struct libmnt_fs *fs)
{
	memset(ret, 0, sizeof(*ret));
	text_or_empty(ret->source, sizeof(ret->source), mnt_fs_get_source(fs));
	text_or_empty(ret->target, sizeof(ret->target), mnt_fs_get_target(fs));
	text_or_empty(ret->fstype, sizeof(ret->fstype), mnt_fs_get_fstype(fs));
}

int mount_each(int (*each)(const struct facts_mount *mount, const char *options, void *userdata),
	       void *userdata)
{
	CLEANUP_TABLE struct libmnt_table *table = NULL;
	CLEANUP_ITER struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs = NULL;
	int r;

	if (!iter)
		return fail(-ENOMEM, "out of memory");
	r = read_table(&table);
	while (r == 0 && mnt_table_next_fs(table, iter, &fs) == 0) {
		struct facts_mount mount;
		const char *options = mnt_fs_get_options(fs);

		fill(&mount, fs);
		r = each(&mount, options ? options : "", userdata);
	}
	return r;
}

int mount_at(const char *target, struct facts_mount *ret, char *ret_options, size_t options_size)
{
	CLEANUP_TABLE struct libmnt_table *table = NULL;
	struct libmnt_fs *fs;
	int r;

	r = read_table(&table);
	if (r < 0)
		return r;
	/* Backward: the last one mounted there is the one that is seen. */
	fs = mnt_table_find_target(table, target, MNT_ITER_BACKWARD);
	if (!fs)
		return -ENOENT;
	fill(ret, fs);
	if (ret_options)
		text_or_empty(ret_options, options_size, mnt_fs_get_options(fs));
	return 0;
}

int mount_device(const char *device, const char *target, const char *fstype, unsigned long flags,
		 const char *data)
{
	int r;

	r = file_mkdirs(target, 0755);
	if (r < 0)
		return r;
	if (mount(device, target, fstype, flags, data) < 0)
		return fail(-errno, "mounting %s (%s) at %s: %s (error %d)", device, fstype, target,
			    strerror(errno), errno); /* musl has no words for EUCLEAN */
	return 0;
}

int mount_remove(const char *target)
{
	if (umount2(target, UMOUNT_NOFOLLOW) < 0)
		return fail(-errno, "unmounting %s: %s", target, strerror(errno));
	return 0;
}

int mount_settle(const char *target)
{
	CLEANUP_CLOSE int fd = -1;

	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return fail(-errno, "syncing %s: %s", target, strerror(errno));
	if (ioctl(fd, FIFREEZE, 0) < 0) {
		if (errno == EOPNOTSUPP) /* FAT: no journal, nothing left to settle */
			return 0;
		return fail(-errno, "freezing %s: %s", target, strerror(errno));
	}
	if (ioctl(fd, FITHAW, 0) < 0)
		return fail(-errno, "thawing %s: %s; run fsfreeze -u %s", target, strerror(errno),
			    target);
	return 0;
}
