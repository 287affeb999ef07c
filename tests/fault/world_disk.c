/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot step finds in the image and on the machine: files, devices, mounts. Functions
 * __wrap_x take the place of x (ld --wrap), __real_x is the product's.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/kmods.h"
#include "bootstrap/mount.h"
#include "bootstrap/view.h"
#include "common/err.h"
#include "common/file.h"
#include "tests/fault/gpt.h"
#include "tests/fault/world_private.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define LOCKS_ABOVE "/run"
#define LOCKS LOCKS_ABOVE "/cryptsetup/"

/* --- reading the kernel and the image --------------------------------------------------------- */

#define CONFIG_OF(state_uuid)                                                                      \
	"{\"state_uuid\":\"" state_uuid "\",\"state_path\":\"/panocrypt\","                        \
	"\"fs_uuid\":\"" WORLD_FS_UUID "\",\"root_partuuid\":\"" WORLD_ROOT_PARTUUID "\","         \
	"\"boot_partuuid\":\"" WORLD_BOOT_PARTUUID "\"}"

int __real_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len);
int __wrap_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len);

int __wrap_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len)
{
	const struct {
		const char *path, *text;
	} texts[] = {
		{ "/proc/cmdline", "panocrypt.boot=" WORLD_BOOT_UUID },
		{ BOOT_CONFIG, here && here->is_first_stage ? CONFIG_OF(WORLD_FS_UUID)
							    : CONFIG_OF(WORLD_BOOT_UUID) },
	};

	if (strcmp(path, TABLE_COPY) == 0)
		return __real_file_read(WORLD_TABLE_COPY, max_bytes, ret_data, ret_len);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(path, texts[i].path) == 0) {
			*ret_data = strdup(texts[i].text);
			if (ret_len)
				*ret_len = strlen(texts[i].text);
			return 0;
		}
	}
	return __real_file_read(path, max_bytes, ret_data, ret_len);
}

int __real_secret_read_file(struct secret *ret, const char *path, size_t max_bytes);
int __wrap_secret_read_file(struct secret *ret, const char *path, size_t max_bytes);

int __wrap_secret_read_file(struct secret *ret, const char *path, size_t max_bytes)
{
	static const char key[] = "a key that only root can read...";

	if (strcmp(path, REDO_KEY) != 0)
		return __real_secret_read_file(ret, path, max_bytes);
	return secret_copy(ret, key, REDO_KEY_BYTES);
}

/* --- devices and mounts ----------------------------------------------------------------------- */

/* Where the partition table is, if this machine has one. */
static bool has_disk(char ret[static 300])
{
	snprintf(ret, 300, "%s/" MACHINE_TABLE, here->folder);
	return file_exists(ret);
}

/* The kernel's partition is as long as the table says. */
void world_cut_device(void)
{
	struct gpt_partition root;
	char disk[300], device[300];

	if (!has_disk(disk) || !gpt_find(disk, WORLD_ROOT_PARTUUID, &root))
		return;
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, here->folder);
	if (truncate(device, (off_t)root.size_bytes) < 0)
		die("%s: %s", device, strerror(errno));
}

int __wrap_block_parent(const char *device, char *ret_disk, size_t size, unsigned *ret_number);

int __wrap_block_parent(const char *device, char *ret_disk, size_t size, unsigned *ret_number)
{
	char disk[300];

	if (!has_disk(disk))
		return fail(-ENODEV, "%s is no partition here", device);
	snprintf(ret_disk, size, "%s", disk);
	*ret_number = 1;
	return 0;
}

int __wrap_block_find(const char *tag, const char *value, char *ret, size_t size);
int __wrap_block_wait(const char *tag, const char *value, unsigned timeout_s, char *ret,
		      size_t size);

int __wrap_block_find(const char *tag UNUSED, const char *value, char *ret, size_t size)
{
	static const struct {
		const char *value, *file, *partuuid;
	} places[] = {
		{ WORLD_ROOT_PARTUUID, MACHINE_DEVICE, WORLD_ROOT_PARTUUID },
		{ WORLD_FS_UUID, MACHINE_DEVICE, WORLD_ROOT_PARTUUID },
		{ WORLD_LUKS_UUID, MACHINE_DEVICE, NULL },
		{ WORLD_BOOT_UUID, "boot", NULL },
		{ WORLD_BOOT_PARTUUID, "boot", WORLD_BOOT_PARTUUID },
	};
	struct gpt_partition partition;
	char disk[300];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *partuuid = places[i].partuuid;

		if (strcmp(value, places[i].value) != 0)
			continue;
		if (partuuid && has_disk(disk) && !gpt_find(disk, partuuid, &partition))
			return -ENODEV;
		snprintf(ret, size, "%s/%s", here->folder, places[i].file);
		return 0;
	}
	return -ENODEV;
}

int __wrap_block_wait(const char *tag, const char *value, unsigned timeout_s UNUSED, char *ret,
		      size_t size)
{
	return __wrap_block_find(tag, value, ret, size);
}

int kmods_load(const char *name UNUSED)
{
	return 0;
}

int __real_view_open(const char *device, size_t blocks_max, struct view **ret);
int __wrap_view_open(const char *device, size_t blocks_max, struct view **ret);

int __wrap_view_open(const char *device, size_t blocks_max, struct view **ret)
{
	if (here->is_first_try_refused && here->views++ == 0)
		return fail(-E2BIG, "more would have to move than a log holds");
	return __real_view_open(device, blocks_max, ret);
}

/* The folder is always there: RUN_DIR is relative, and each machine runs in its own. */
int __wrap_mount_device(const char *device, const char *target, const char *fstype,
			unsigned long flags, const char *data);
int __wrap_mount_remove(const char *target);

int __wrap_mount_device(const char *device, const char *target UNUSED, const char *fstype UNUSED,
			unsigned long flags UNUSED, const char *data UNUSED)
{
	bool is_refused = here->is_mount_refused;

	here->is_mount_refused = false;
	return is_refused ? fail(-EUCLEAN, "the kernel refuses to mount %s", device) : 0;
}

int __wrap_mount_remove(const char *target UNUSED)
{
	return 0;
}

/* mount_settle() is the product's. That it asked for a freeze is in the record; a filesystem in
 * memory has nothing to freeze. */
int __real_ioctl(int fd, int request, ...);
int __wrap_ioctl(int fd, int request, ...);

int __wrap_ioctl(int fd, int request, ...)
{
	va_list args;
	void *argument;
	int r;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	r = __real_ioctl(fd, request, argument);
	return (unsigned)request == FIFREEZE || (unsigned)request == FITHAW ? 0 : r;
}

/* libcryptsetup allows one reencryption of a UUID at a time, by a lock file below /run: each
 * machine has its own. */
/* "/boot" is the state folder, which has no folders. */
static const char *own_path(const char *path, char ret[static 512])
{
	const char *slash = strrchr(path, '/');

	if (!here)
		return path;
	if (strcmp(path, LOCKS_ABOVE) == 0)
		return here->folder;
	if (strcmp(path, "/boot") == 0)
		slash = "";
	else if (strncmp(path, "/boot/", 6) != 0)
		return path;
	snprintf(ret, 512, "%s/" MACHINE_STATE "%s", here->folder, slash);
	return ret;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *ret);
int __wrap_stat(const char *path, struct stat *ret);

int __wrap_open(const char *path, int flags, ...)
{
	char own[512];
	va_list args;
	unsigned mode = 0;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, unsigned);
	va_end(args);
	return __real_open(own_path(path, own), flags, mode);
}

int __wrap_stat(const char *path, struct stat *ret)
{
	char own[512];

	if (!here || strncmp(path, LOCKS, strlen(LOCKS)) != 0)
		return __real_stat(path, ret);
	snprintf(own, sizeof(own), "%s%s", here->folder, path + strlen(LOCKS_ABOVE));
	return __real_stat(own, ret);
}
