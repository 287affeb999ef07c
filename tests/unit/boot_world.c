/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See boot_world.h. */
#include "tests/unit/boot_world.h"

#include "bootstrap/block.h"
#include "bootstrap/fs.h"
#include "bootstrap/kmods.h"
#include "bootstrap/mount.h"
#include "bootstrap/place.h"
#include "bootstrap/region.h"
#include "common/file.h"

#include "tests/unit/fake_files.h"
#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>

#define FS_UUID "11111111-2222-4333-8444-555555555555"
#define LUKS_UUID "5a1e7c0d-0000-4000-8000-00000000c0de"
#define BOOT_UUID "66666666-7777-4888-8999-aaaaaaaaaaaa"
#define ROOT_PARTUUID "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
#define BOOT_PARTUUID "dddddddd-0000-4000-8000-000000000000"
#define STATE_AT RUN_DIR "/state"

static struct fake_files files;

struct boot_world world;

/* --- the boots of a conversion ---------------------------------------------------------------- */

const struct boot_row boots[BOOTS] = {
	[BEFORE_CARVE] = { "before carve", BOOT_CARVE, false, false, false, false, false },
	[BEFORE_PLACE] = { "before place", BOOT_CONVERT, true, false, false, false, false },
	[IN_PLACE] = { "in place", BOOT_PLACE_AGAIN, true, true, false, true, false },
	[BEHIND_PLACE] = { "behind place", BOOT_UNLOCK, true, true, true, true, false },
	[IN_ENCRYPT] = { "in encrypt", BOOT_UNLOCK, true, true, true, true, true },
};

const char *world_folder(enum boot boot)
{
	return boots[boot].is_separate ? STATE_AT "/panocrypt" : STATE_AT STATE_DIR;
}

void world_put(const char *folder, const char *name, const char *text)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name);
	fake_file_put(path, text, strlen(text));
}

void world_drop(enum boot boot, const char *name)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", world_folder(boot), name);
	assert_ok(file_remove(path));
}

void world_set_out(enum boot boot, const char *disk)
{
	static const struct intent intent = { .luks_uuid = LUKS_UUID,
					      .fs_uuid = FS_UUID,
					      .root_partuuid = ROOT_PARTUUID,
					      .boot_uuid = BOOT_UUID,
					      .boot_partuuid = BOOT_PARTUUID,
					      .boot_bytes = 768 * MIB,
					      .shift_bytes = 16 * MIB };
	bool is_separate = boots[boot].is_separate;
	char config[256];

	memset(&files, 0, sizeof(files));
	fake_files = &files;
	world.boot = boot;
	world.disk = disk;
	world.has_boot_partition = is_separate;
	world.is_luks = boots[boot].is_luks;
	world.is_encrypted = boots[boot].is_encrypted;
	world.is_torn = world.is_beyond_repair = world.is_unknown = false;
	world.instead = "";
	world.is_mounted = world.is_used_since = false;
	world.has_key = true;
	world.unread = world.looked = 0;
	world.is_late = false;
	snprintf(config, sizeof(config),
		 "{\"state_uuid\":\"%s\",\"state_path\":\"%s\",\"fs_uuid\":\"" FS_UUID
		 "\",\"root_partuuid\":\"" ROOT_PARTUUID "\",\"boot_partuuid\":\"" BOOT_PARTUUID
		 "\"}",
		 is_separate ? BOOT_UUID : FS_UUID, is_separate ? "/panocrypt" : STATE_DIR);
	world_put("", BOOT_CONFIG, config);
	world_put("", "/proc/cmdline", is_separate ? "quiet panocrypt.boot=" BOOT_UUID : "quiet");
	assert_ok(intent_write(world_folder(boot), &intent));
	world_put(world_folder(boot), HEADER_FILE, "LUKS2");
	if (boots[boot].has_post)
		world_put(world_folder(boot), HEADER_POST_FILE, "LUKS2");
	if (boots[boot].has_marker)
		world_put(world_folder(boot), MARKER_FILE, "");
}

/* --- devices ---------------------------------------------------------------------------------- */

bool world_is_root(const char *device)
{
	char name[64];

	snprintf(name, sizeof(name), "/dev/%s1", world.disk);
	return strcmp(device, name) == 0;
}

/* The partition of the state, while there is nothing that one could know it by. */
static bool is_unknown(const char *device)
{
	return world.is_unknown && world_is_root(device) == !boots[world.boot].is_separate;
}

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	bool is_root_wanted = strcmp(value, ROOT_PARTUUID) == 0 ||
			      strcmp(value, world.is_luks ? LUKS_UUID : FS_UUID) == 0;

	assert_true(strcmp(tag, "PARTUUID") == 0 || strcmp(tag, "UUID") == 0);
	if (!is_root_wanted && !world.has_boot_partition)
		return -ENODEV;
	snprintf(ret, size, "/dev/%s%d", world.disk, is_root_wanted ? 1 : 2);
	return strcmp(tag, "UUID") == 0 && is_unknown(ret) ? -ENODEV : 0;
}

int block_wait(const char *tag, const char *value, unsigned timeout_s UNUSED, char *ret,
	       size_t size)
{
	if (world.is_late && strcmp(value, ROOT_PARTUUID) == 0) {
		world.is_late = false;
		return fail(-ENODEV, "no partition %s", value);
	}
	return block_find(tag, value, ret, size);
}

int block_probe(const char *device, struct block_content *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (is_unknown(device)) {
		strcpy(ret->type, world.instead);
	} else if (!world_is_root(device)) {
		strcpy(ret->type, "ext4");
		strcpy(ret->uuid, BOOT_UUID);
	} else {
		strcpy(ret->type, world.is_luks ? "crypto_LUKS" : "ext4");
		strcpy(ret->uuid, world.is_luks ? LUKS_UUID : FS_UUID);
	}
	return 0;
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	CLEANUP_FREE char *text = NULL;
	bool is_disk = world_is_root(where->header);

	*ret = (struct luks_status){ .is_reencrypting = true };
	if (!is_disk && file_read(where->header, 64, &text, NULL) < 0)
		return fail(-ENOENT, "%s isn't there", where->header);
	ret->is_luks2 = is_disk ? world.is_luks : strcmp(text, "LUKS2") == 0;
	ret->is_first_chunk_done = is_disk && world.is_encrypted;
	strcpy(ret->uuid, ret->is_luks2 ? LUKS_UUID : "");
	return 0;
}

int kmods_load(const char *name UNUSED)
{
	return 0;
}

int mount_device(const char *device UNUSED, const char *target, const char *fstype,
		 unsigned long flags UNUSED, const char *data UNUSED)
{
	assert_string_equal(target, STATE_AT);
	assert_string_equal(fstype, "ext4");
	if (world.is_torn)
		return fail(-EUCLEAN, "its journal is damaged");
	world.is_mounted = true;
	return 0;
}

/* As e2fsck does: tests/unit/test_fs_ext4.c. */
static int mend(const char *device, struct view *view)
{
	assert_true(world_is_root(device) != world.has_boot_partition);
	assert_null(view);
	if (world.is_beyond_repair)
		return fail(-EUCLEAN, "fs-damaged");
	world.is_torn = false;
	return 0;
}

static int mend_superblock(const char *device, const char *uuid)
{
	assert_true(is_unknown(device) && !world.instead[0]);
	assert_string_equal(uuid, boots[world.boot].is_separate ? BOOT_UUID : FS_UUID);
	world.is_unknown = false;
	return 0;
}

int fs_find(const char *name, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .check = mend, .mend = mend_superblock };

	assert_string_equal(name, "ext4");
	*ret = &fs;
	return 0;
}

int mount_remove(const char *target UNUSED)
{
	return 0;
}

bool place_has_marker(const char *state_dir)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/" MARKER_FILE, state_dir);
	return file_exists(path);
}

int region_open(const char *path, int flags UNUSED, int *ret_fd)
{
	assert_true(world_is_root(path));
	*ret_fd = dup(2);
	return 0;
}

int region_size(int fd UNUSED, uint64_t *ret_bytes)
{
	*ret_bytes = GIB;
	return 0;
}

int region_equal(int fd_a UNUSED, uint64_t offset_a UNUSED, int fd_b UNUSED,
		 uint64_t offset_b UNUSED, uint64_t len UNUSED, bool *ret)
{
	*ret = !world.is_luks && !world.is_used_since;
	return 0;
}

int redo_key_read(struct secret *ret)
{
	return world.has_key ? secret_copy(ret, "key", 3) : fail(-ENOENT, "no key");
}

int redo_look(const char *device, const struct secret *key, struct redo *ret UNUSED)
{
	assert_true(world_is_root(device) && key->len == 3);
	return world.looked++ < world.unread ? fail(-EIO, "a bad sector") : 0;
}

/* The pause between two looks. */
int poll(struct pollfd *fds UNUSED, nfds_t count, int timeout_ms UNUSED)
{
	assert_int_equal(count, 0);
	return 0;
}

void boot_look_at_table(struct boot_run *run UNUSED)
{
}
