/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See grub_switch.h. What a power cut leaves stands in docs/power-cut.md, "bootpart".
 */
#include "bootstrap/grub_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>

#include "bootstrap/grub_core.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

/* --- BIOS ------------------------------------------------------------------------------------- */

/* A file of at most max_bytes, with zeros up to a whole sector. */
static int read_image(const char *folder, const char *name, size_t max_bytes, uint8_t **ret,
		      size_t *ret_len)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	size_t len = 0, whole;
	uint8_t *image;
	int r = text_format(&path, "%s/%s", folder, name);

	if (r == 0)
		r = file_read(path, max_bytes, &text, &len);
	if (r < 0)
		return fail(r, "boot-loader: can't read %s/%s", folder, name);
	whole = (len + GRUB_SECTOR_BYTES - 1) / GRUB_SECTOR_BYTES * GRUB_SECTOR_BYTES;
	image = calloc(1, MAX(whole, GRUB_SECTOR_BYTES));
	if (!image)
		return fail(-ENOMEM, "out of memory");
	memcpy(image, text, len);
	*ret = image;
	*ret_len = whole;
	return 0;
}

/* The core image that the boot sector names; none when it isn't GRUB's. */
static int find_in_use(int fd, const uint8_t *boot_sector, struct grub_place *ret)
{
	uint8_t first_sector[GRUB_SECTOR_BYTES];
	struct grub_place place = { 0 };
	int r;

	*ret = place;
	if (!grub_boot_sector_read(boot_sector, &place.first))
		return 0;
	r = file_pread_all(fd, first_sector, sizeof(first_sector), place.first * GRUB_SECTOR_BYTES);
	if (r < 0)
		return r;
	/* In pieces, or of another version: at least its first sector is taken, and up to what GRUB
	 * can load. */
	if (!grub_core_length(first_sector, &place.count))
		place.count = GRUB_CORE_MAX_BYTES / GRUB_SECTOR_BYTES;
	*ret = place;
	return 0;
}

/* Written, flushed, read again past the cache. */
static int write_proven(const char *disk, const uint8_t *data, size_t len, uint64_t at_bytes)
{
	CLEANUP_FREE uint8_t *again = malloc(len);
	CLEANUP_CLOSE int fd = open(disk, O_RDWR | O_CLOEXEC);
	int r;

	if (!again)
		return fail(-ENOMEM, "out of memory");
	if (fd < 0)
		return fail(-errno, "boot-loader: can't write %s: %m", disk);
	r = file_pwrite_all(fd, data, len, at_bytes);
	if (r == 0 && fsync(fd))
		r = fail(-errno, "boot-loader: can't flush %s: %m", disk);
	if (r == 0)
		(void)posix_fadvise(fd, (off_t)at_bytes, (off_t)len, POSIX_FADV_DONTNEED);
	if (r == 0)
		r = file_pread_all(fd, again, len, at_bytes);
	if (r == 0 && memcmp(again, data, len) != 0)
		r = fail(-EIO, "boot-loader: %s doesn't hold what was written to it", disk);
	return r;
}

int grub_switch_bios(const char *disk, uint64_t partition_start_bytes,
		     uint64_t partition_size_bytes, const char *images)
{
	const struct grub_place partition = { partition_start_bytes / GRUB_SECTOR_BYTES,
					      partition_size_bytes / GRUB_SECTOR_BYTES };
	CLEANUP_CLOSE int fd = open(disk, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE uint8_t *boot_img = NULL, *core = NULL;
	uint8_t present[GRUB_SECTOR_BYTES], sector[GRUB_SECTOR_BYTES];
	struct grub_place in_use = { 0 };
	size_t boot_len, core_len = 0;
	uint64_t first = 0;
	int r;

	if (fd < 0)
		return fail(-errno, "boot-loader: can't read %s: %m", disk);
	r = read_image(images, "boot.img", GRUB_SECTOR_BYTES, &boot_img, &boot_len);
	if (r == 0)
		r = read_image(images, "core.img", GRUB_CORE_MAX_BYTES, &core, &core_len);
	if (r == 0)
		r = file_pread_all(fd, present, sizeof(present), 0);
	if (r == 0)
		r = find_in_use(fd, present, &in_use);
	if (r == 0)
		r = grub_core_place(partition, in_use, core_len / GRUB_SECTOR_BYTES, &first);
	if (r == 0)
		r = grub_core_settle(core, core_len, first);
	if (r == 0)
		r = write_proven(disk, core, core_len, first * GRUB_SECTOR_BYTES);
	if (r < 0)
		return r;
	grub_boot_sector_make(boot_img, present, first, sector);
	return write_proven(disk, sector, sizeof(sector), 0);
}

/* --- EFI -------------------------------------------------------------------------------------- */

/* nftw(3) hands nothing through, and returns -1 of its own. */
static const char *walk_from, *walk_to;
static int walk_failure;

static bool is_same(const char *path, const char *other)
{
	CLEANUP_FREE char *a = NULL, *b = NULL;
	size_t a_len = 0, b_len = 0;

	return file_read(path, 64 * MIB, &a, &a_len) == 0 &&
	       file_read(other, 64 * MIB, &b, &b_len) == 0 && a_len == b_len &&
	       memcmp(a, b, a_len) == 0;
}

static int take(const char *path, const struct stat *st UNUSED, int kind, struct FTW *at UNUSED)
{
	CLEANUP_FREE char *target = NULL;
	int r = text_format(&target, "%s%s", walk_to, path + strlen(walk_from));

	if (r == 0 && kind == FTW_D)
		r = file_mkdirs(target, 0755);
	else if (r == 0 && kind == FTW_F && !is_same(path, target))
		r = file_copy(path, target);
	walk_failure = MIN(r, 0);
	return r < 0;
}

int grub_switch_efi(const char *staged, const char *esp)
{
	const struct spawn drop = { .argv = { "rm", "-rf", "--one-file-system", staged } };
	int r;

	walk_from = staged;
	walk_to = esp;
	walk_failure = 0;
	r = nftw(staged, take, 16, FTW_PHYS | FTW_MOUNT);
	if (r < 0)
		return fail(-errno, "boot-loader: can't read %s: %m", staged);
	return walk_failure < 0 ? walk_failure : spawn_run(&drop);
}
