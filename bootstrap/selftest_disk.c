/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Self-test of libfdisk, libblkid and libmount on files. Uses the libraries directly.
 */
#include "bootstrap/selftest_checks.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <blkid/blkid.h>
#include <libfdisk/libfdisk.h>
#include <libmount/libmount.h>
#include <stdio.h>
#include <string.h>

#define FIRST_SECTOR 2048
#define PARTITION_SECTORS 8192
#define LINUX_FILESYSTEM "0FC63DAF-8483-4772-8E79-3D69D8477DE4" /* GPT type, UEFI's registry */

DEFINE_CLEANUP(struct fdisk_context *, fdisk_unref_context);
DEFINE_CLEANUP(struct fdisk_partition *, fdisk_unref_partition);
DEFINE_CLEANUP(struct fdisk_parttype *, fdisk_unref_parttype);
DEFINE_CLEANUP(blkid_probe, blkid_free_probe);
DEFINE_CLEANUP(struct libmnt_table *, mnt_unref_table);

static int write_table(const char *file)
{
	CLEANUP(fdisk_unref_contextp) struct fdisk_context *fdisk = fdisk_new_context();
	CLEANUP(fdisk_unref_partitionp) struct fdisk_partition *part = fdisk_new_partition();
	CLEANUP(fdisk_unref_parttypep) struct fdisk_parttype *type = NULL;
	int r;

	if (!fdisk || !part)
		return fail(-ENOMEM, "libfdisk gives no context");
	r = fdisk_assign_device(fdisk, file, 0);
	if (!r)
		r = fdisk_create_disklabel(fdisk, "gpt");
	if (r < 0)
		return fail(r, "no GPT can be made in a file: %s", strerror(-r));
	type = fdisk_label_get_parttype_from_string(fdisk_get_label(fdisk, NULL), LINUX_FILESYSTEM);
	fdisk_partition_set_partno(part, 0);
	fdisk_partition_set_start(part, FIRST_SECTOR);
	fdisk_partition_set_size(part, PARTITION_SECTORS);
	fdisk_partition_set_type(part, type);
	r = fdisk_add_partition(fdisk, part, NULL);
	if (!r)
		r = fdisk_write_disklabel(fdisk);
	if (!r)
		r = fdisk_deassign_device(fdisk, 1);
	return r < 0 ? fail(r, "no partition can be written: %s", strerror(-r)) : 0;
}

static int read_table(const char *file)
{
	CLEANUP(fdisk_unref_contextp) struct fdisk_context *fdisk = fdisk_new_context();
	CLEANUP(fdisk_unref_partitionp) struct fdisk_partition *part = NULL;
	int r = fdisk ? fdisk_assign_device(fdisk, file, 1) : -ENOMEM;

	if (!r)
		r = fdisk_get_partition(fdisk, 0, &part);
	if (r < 0)
		return fail(r, "the written partition isn't found: %s", strerror(-r));
	if (fdisk_partition_get_start(part) != FIRST_SECTOR ||
	    fdisk_partition_get_size(part) != PARTITION_SECTORS)
		return fail(-EIO, "the written partition comes back changed");
	return 0;
}

static int probe_table(const char *file)
{
	CLEANUP(blkid_free_probep) blkid_probe probe = blkid_new_probe_from_filename(file);
	const char *type = NULL;

	if (!probe)
		return fail(-EIO, "libblkid doesn't open %s", file);
	blkid_probe_enable_partitions(probe, 1);
	if (blkid_do_safeprobe(probe) != 0 ||
	    blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL) != 0 || strcmp(type, "gpt") != 0)
		return fail(-EIO, "libblkid doesn't recognise the GPT that libfdisk wrote");
	return 0;
}

int selftest_partitions(struct selftest *test)
{
	char file[SELFTEST_PATH_MAX];
	int r = selftest_make_file(test, "gpt", 16 * MIB, file);

	if (!r)
		r = write_table(file);
	if (!r)
		r = read_table(file);
	if (!r)
		r = probe_table(file);
	return r;
}

/* A mountinfo of our own: /proc may be missing, and this one's content is known. */
int selftest_mounts(struct selftest *test)
{
	static const char text[] =
		"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
		"30 22 254:15 / /boot/efi rw,relatime shared:9 - vfat /dev/vda15 rw\n";
	CLEANUP(mnt_unref_tablep) struct libmnt_table *table = mnt_new_table();
	struct libmnt_fs *fs;
	char file[SELFTEST_PATH_MAX];
	int r;

	selftest_path(test, "mountinfo", file);
	r = file_replace_text(file, text, 0600);
	if (r < 0)
		return r;
	r = table ? mnt_table_parse_file(table, file) : -ENOMEM;
	if (r < 0)
		return fail(r, "libmount doesn't parse a mountinfo: %s", strerror(-r));
	fs = mnt_table_find_target(table, "/boot/efi", MNT_ITER_BACKWARD);
	if (!fs || strcmp(mnt_fs_get_fstype(fs), "vfat") != 0)
		return fail(-EIO, "libmount doesn't find a mount that is there");
	fs = mnt_table_find_target(table, "/", MNT_ITER_BACKWARD);
	if (!fs || strcmp(mnt_fs_get_source(fs), "/dev/vda1") != 0)
		return fail(-EIO, "libmount takes another device for the root");
	return 0;
}
