/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libblkid by low-level probes: no cache file, no udev, so that the same code works in the
 * initramfs and on plain files. Opens devices read-only.
 */
#include "bootstrap/block.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <blkid.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#define SYS_BLOCK "/sys/class/block"
#define LOOK_AGAIN_MS 100

DEFINE_CLEANUP(blkid_probe, blkid_free_probe);
#define CLEANUP_PROBE CLEANUP(blkid_free_probep)
#define CLEANUP_DIR CLEANUP(closedirp)
DEFINE_CLEANUP(DIR *, closedir);

static int open_device(const char *device, int *ret_fd, struct stat *ret_stat)
{
	CLEANUP_CLOSE int fd = -1;

	fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret_stat) < 0)
		return fail(-errno, "opening %s: %s", device, strerror(errno));
	if (!S_ISBLK(ret_stat->st_mode) && !S_ISREG(ret_stat->st_mode))
		return fail(-ENOTBLK, "%s is neither a block device nor a file", device);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* A value of the probe as text; "" when there is none. */
static void probe_text(blkid_probe probe, const char *name, char *ret, size_t size)
{
	const char *value = NULL;

	if (blkid_probe_lookup_value(probe, name, &value, NULL) < 0 || !value)
		value = "";
	snprintf(ret, size, "%s", value);
}

int block_probe(const char *device, struct block_content *ret)
{
	CLEANUP_PROBE blkid_probe probe = NULL;
	CLEANUP_CLOSE int fd = -1;
	struct block_content content = { "" };
	struct stat st;
	int r;

	r = open_device(device, &fd, &st);
	if (r < 0)
		return r;
	probe = blkid_new_probe();
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0)
		return fail(-EIO, "probing %s: the device can't be read", device);
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
							 BLKID_SUBLKS_LABEL);
	r = blkid_do_safeprobe(probe);
	if (r == -1)
		return fail(-EIO, "probing %s: reading it failed; see the kernel log", device);
	if (r == 0) { /* 1: nothing known; -2: more than one thing */
		probe_text(probe, "TYPE", content.type, sizeof(content.type));
		probe_text(probe, "UUID", content.uuid, sizeof(content.uuid));
		probe_text(probe, "LABEL", content.label, sizeof(content.label));
	}
	*ret = content;
	return 0;
}

int block_size(const char *device, uint64_t *ret)
{
	CLEANUP_CLOSE int fd = -1;
	uint64_t size_bytes = 0;
	struct stat st;
	int r;

	r = open_device(device, &fd, &st);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode))
		size_bytes = (uint64_t)st.st_size;
	else if (ioctl(fd, BLKGETSIZE64, &size_bytes) < 0)
		return fail(-errno, "asking %s for its size: %s", device, strerror(errno));
	*ret = size_bytes;
	return 0;
}

/* The folder of a block device in sysfs, links resolved. */
static int sys_path(const char *device, char ret[static PATH_MAX])
{
	CLEANUP_FREE char *link = NULL;
	struct stat st;
	int r;

	if (stat(device, &st) < 0)
		return fail(-errno, "%s: %s", device, strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(-ENOTBLK, "%s is not a block device", device);
	r = text_format(&link, "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (r < 0)
		return r;
	if (!realpath(link, ret))
		return fail(-errno, "%s: %s", link, strerror(errno));
	return 0;
}

static int read_number(const char *folder, const char *name, uint64_t *ret)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	int r;

	r = text_format(&path, "%s/%s", folder, name);
	if (r == 0)
		r = file_read(path, 64, &text, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return text_u64(text, ret);
}

int block_parent(const char *device, char *ret_disk, size_t size, unsigned *ret_number)
{
	char folder[PATH_MAX];
	uint64_t number = 0;
	char *slash;
	int r;

	r = sys_path(device, folder);
	if (r < 0)
		return r;
	r = read_number(folder, "partition", &number);
	if (r < 0)
		return fail(-ENOENT, "%s is not a partition", device);
	slash = strrchr(folder, '/');
	*slash = '\0';
	slash = strrchr(folder, '/');
	if ((size_t)snprintf(ret_disk, size, "/dev/%s", slash + 1) >= size)
		return fail(-ENAMETOOLONG, "the disk of %s has too long a name", device);
	for (; *ret_disk; ret_disk++) { /* sysfs writes "!" for "/" in device names */
		if (*ret_disk == '!')
			*ret_disk = '/';
	}
	*ret_number = (unsigned)number;
	return 0;
}

int block_partuuid(const char *device, char ret[static 37])
{
	CLEANUP_PROBE blkid_probe probe = NULL;
	CLEANUP_CLOSE int fd = -1;
	char partuuid[37] = "";
	struct stat st;
	int r;

	r = open_device(device, &fd, &st);
	if (r < 0)
		return r;
	probe = blkid_new_probe();
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0)
		return fail(-EIO, "probing %s: the device can't be read", device);
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_safeprobe(probe) == 0)
		probe_text(probe, "PART_ENTRY_UUID", partuuid, sizeof(partuuid));
	if (!*partuuid)
		return fail(-ENOENT, "%s has no partition UUID", device);
	memcpy(ret, partuuid, sizeof(partuuid));
	return 0;
}

static bool has_tag(const char *device, const char *tag, const char *value)
{
	struct block_content content;
	char partuuid[37];

	if (strcmp(tag, "PARTUUID") == 0)
		return block_partuuid(device, partuuid) == 0 && strcasecmp(partuuid, value) == 0;
	if (block_probe(device, &content) < 0)
		return false;
	if (strcmp(tag, "UUID") == 0)
		return strcasecmp(content.uuid, value) == 0;
	return strcmp(tag, "LABEL") == 0 && strcmp(content.label, value) == 0;
}

/* Memory, loop and optical devices can't be what we look for; reading a floppy takes a minute. */
static bool is_worth_a_look(const char *name)
{
	static const char *const never[] = { "loop", "ram", "zram", "sr", "fd", "nbd" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(never); i++) {
		if (strncmp(name, never[i], strlen(never[i])) == 0)
			return false;
	}
	return name[0] != '.';
}

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	CLEANUP_DIR DIR *dir = opendir(SYS_BLOCK);
	struct dirent *entry;

	while (dir && *value && (entry = readdir(dir))) {
		char device[NAME_MAX + 8], *c;

		if (!is_worth_a_look(entry->d_name))
			continue;
		snprintf(device, sizeof(device), "/dev/%s", entry->d_name);
		for (c = device + strlen("/dev/"); *c; c++) {
			if (*c == '!')
				*c = '/';
		}
		if (!has_tag(device, tag, value))
			continue;
		if ((size_t)snprintf(ret, size, "%s", device) >= size)
			return fail(-ENAMETOOLONG, "%s: the name is too long", device);
		fail_clear();
		return 0;
	}
	fail_clear();
	return -ENODEV;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int block_wait(const char *tag, const char *value, unsigned timeout_s, char *ret, size_t size)
{
	uint64_t until_ms = now_ms() + (uint64_t)timeout_s * 1000;
	int r;

	for (;;) {
		r = block_find(tag, value, ret, size);
		if (r != -ENODEV)
			return r;
		if (now_ms() >= until_ms)
			return fail(-ENODEV, "no device with %s=%s has appeared in %u s", tag,
				    value, timeout_s);
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
}

int block_flush(const char *device)
{
	CLEANUP_CLOSE int fd = -1;

	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fdatasync(fd) < 0)
		return fail(-errno, "flushing %s: %s", device, strerror(errno));
	return 0;
}
