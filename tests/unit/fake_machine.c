/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fake_machine.h: devices, LUKS, mounts and programs.
 */
#include "tests/unit/fake_machine.h"

#include "bootstrap/block.h"
#include "bootstrap/destroy.h"
#include "bootstrap/etc_files.h"
#include "bootstrap/free_space.h"
#include "bootstrap/fs.h"
#include "bootstrap/grub.h"
#include "bootstrap/grub_switch.h"
#include "bootstrap/install.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/luks_slot.h"
#include "bootstrap/mount.h"
#include "bootstrap/our_files.h"
#include "bootstrap/recovery.h"
#include "bootstrap/redo.h"
#include "bootstrap/region.h"
#include "bootstrap/spawn.h"
#include "bootstrap/table.h"
#include "bootstrap/table_copy.h"
#include "bootstrap/unlock.h"
#include "bootstrap/wiped.h"
#include "bootstrap/worker.h"
#include "common/file.h"

#include "tests/unit/failing.h"
#include "tests/unit/unit.h"

#include <string.h>

/* --- devices ---------------------------------------------------------------------------------- */

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	const char *device = NULL;

	if (strcmp(tag, "UUID") == 0 && strcmp(value, FAKE_LUKS_UUID) == 0)
		device = machine->disk.is_luks ? FAKE_ROOT : NULL;
	else if (strcmp(value, FAKE_ROOT_PARTUUID) == 0)
		device = FAKE_ROOT;
	else if (strcmp(value, FAKE_BOOT_PARTUUID) == 0)
		device = machine->has_boot_partition ? FAKE_BOOT : NULL;
	if (!device)
		return -ENODEV;
	snprintf(ret, size, "%s", device);
	return 0;
}

int block_size(const char *device, uint64_t *ret)
{
	*ret = strcmp(device, FAKE_MAPPING) == 0 ? machine->mapping_bytes : machine_root_bytes();
	return 0;
}

int block_probe(const char *device, struct block_content *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (strcmp(device, FAKE_MAPPING) == 0)
		strcpy(ret->type, "ext4");
	else if (strcmp(device, FAKE_BOOT) == 0 && machine->is_boot_made)
		strcpy(ret->uuid, FAKE_BOOT_UUID);
	return 0;
}

int region_open(const char *path UNUSED, int flags UNUSED, int *ret_fd)
{
	*ret_fd = dup(2);
	return 0;
}

int region_size(int fd UNUSED, uint64_t *ret_bytes)
{
	*ret_bytes = machine_root_bytes();
	return 0;
}

static int size_bytes(const char *device UNUSED, struct view *view UNUSED, uint64_t *ret_size,
		      uint64_t *ret_used)
{
	*ret_size = machine->fs_bytes;
	*ret_used = 512 * MIB;
	return failing_here("the filesystem's size");
}

static int grow(const char *device)
{
	int r = failing_here("growing the filesystem");

	if (r == 0)
		machine->fs_bytes = strcmp(device, FAKE_MAPPING) == 0 ? machine->mapping_bytes
								      : machine_root_bytes();
	return r;
}

int fs_find(const char *name UNUSED, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .size_bytes = size_bytes, .grow = grow };

	*ret = &fs;
	return 0;
}

int table_read(const char *disk UNUSED, struct table *ret)
{
	*ret = (struct table){ .type = "gpt", .sector_bytes = 512, .count = 2 };
	ret->partitions[0] = (struct table_partition){ .number = 14, .size_bytes = 3 * MIB };
	strcpy(ret->partitions[0].type, GPT_BIOS_BOOT);
	ret->partitions[1] = (struct table_partition){ .number = 1 };
	strcpy(ret->partitions[1].partuuid, FAKE_ROOT_PARTUUID);
	return 0;
}

int table_copy_write(const char *path, const struct table *table UNUSED)
{
	return file_replace_text(path, "{}", 0600);
}

int redo_check_window(const char *device, uint64_t device_bytes)
{
	assert_string_equal(device, FAKE_ROOT);
	assert_true(device_bytes == machine_root_bytes() || device_bytes == 3328 * MIB);
	return 0;
}

int table_uncarve(const char *disk UNUSED, unsigned grow_number UNUSED, const char *partuuid UNUSED)
{
	assert_false(machine->is_boot_mounted || machine->is_bios_new || machine->is_efi_new);
	machine->has_boot_partition = machine->is_boot_made = machine->has_remains = false;
	fake_files_drop("@");
	return 0;
}

/* --- LUKS ------------------------------------------------------------------------------------- */

static struct fake_luks load(const struct luks_where *where)
{
	struct fake_luks luks = { .is_luks = false };
	char *data = NULL;
	size_t len = 0;

	if (strcmp(where->header, FAKE_ROOT) == 0)
		return machine->disk;
	if (file_read(where->header, FAKE_FILE_BYTES, &data, &len) == 0 && len == sizeof(luks))
		memcpy(&luks, data, len);
	free(data);
	return luks;
}

static int store(const struct luks_where *where, const struct fake_luks *luks)
{
	if (strcmp(where->header, FAKE_ROOT) != 0)
		return file_replace(where->header, luks, sizeof(*luks), 0600);
	assert_true(luks->is_luks);
	machine->disk = *luks;
	return 0;
}

static int any_secret(struct secret *ret)
{
	return secret_copy(ret, "a secret", 8);
}

int luks_make_header(const char *file, const char *data UNUSED, const struct luks_format *format,
		     const struct secret *recovery UNUSED, struct secret *ret_volume_key)
{
	struct fake_luks luks;

	memset(&luks, 0, sizeof(luks));
	luks.is_luks = true;
	snprintf(luks.uuid, sizeof(luks.uuid), "%s", format->uuid);
	assert_ok(store(&(struct luks_where){ file, NULL }, &luks));
	return any_secret(ret_volume_key);
}

int luks_bind_clevis(const struct luks_where *where, const struct secret *volume_key UNUSED,
		     const struct secret *secret UNUSED, const json_t *jwe UNUSED)
{
	struct fake_luks luks = load(where);

	luks.has_clevis = true;
	return store(where, &luks);
}

int luks_random_key(const struct cipher *cipher UNUSED, struct secret *ret)
{
	return any_secret(ret);
}

int luks_next_add(const struct luks_where *where, const struct luks_next *next)
{
	struct fake_luks luks = load(where);

	assert_true(next->key->len && next->recovery->len && next->clevis_secret->len);
	luks.has_next = true;
	return store(where, &luks);
}

int luks_both_keys(const struct luks_where *where, const struct secret *passphrase UNUSED,
		   struct secret *ret_used, struct secret *ret_next)
{
	assert_true(load(where).has_next);
	assert_ok(any_secret(ret_used));
	return any_secret(ret_next);
}

int luks_rotate_init(const char *device, const char *mapping, const struct secret *volume_key,
		     const struct secret *next_key)
{
	assert_string_equal(device, FAKE_ROOT);
	assert_string_equal(mapping, MAPPING_NAME);
	assert_true(volume_key->len && next_key->len);
	assert_true(machine->disk.is_luks && !machine->disk.is_reencrypting &&
		    !machine->disk.is_unwiped);
	machine->disk.is_reencrypting = machine->disk.is_rotating = true;
	return 0;
}

int luks_next_tidy(const struct luks_where *where)
{
	struct fake_luks luks = load(where);

	assert_true(luks.is_rotated && !luks.is_reencrypting);
	luks.has_old_slots = false;
	return store(where, &luks);
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	struct fake_luks luks = load(where);

	*ret = (struct luks_status){ .is_luks2 = luks.is_luks,
				     .is_reencrypting = luks.is_reencrypting,
				     .is_rotating = luks.is_rotating,
				     .used_key = luks.is_rotated ? LUKS_NEXT_KEY : 0,
				     .slots_of = { luks.is_rotated && !luks.has_old_slots ? 0 : 3,
						   luks.has_next ? 12 : 0 },
				     .slot_count = luks.has_clevis ? 2 : 1 };
	strcpy(ret->uuid, luks.uuid);
	return 0;
}

int luks_clevis_jwe(const struct luks_where *where, json_t **ret_jwe, int *ret_slot)
{
	if (!load(where).has_clevis)
		return -ENOENT;
	*ret_jwe = json_object();
	*ret_slot = 1;
	return 0;
}

int luks_token_get(const struct luks_where *where, const char *type UNUSED, json_t **ret)
{
	if (!load(where).has_recovery)
		return -ENOENT;
	*ret = json_object();
	return 0;
}

int luks_token_remove(const struct luks_where *where, const char *type UNUSED)
{
	struct fake_luks luks = load(where);

	assert_true(file_exists("/root/recovery")); /* else nobody has the passphrase */
	luks.has_recovery = false;
	return store(where, &luks);
}

int luks_try_passphrase(const struct luks_where *where, const struct secret *passphrase UNUSED)
{
	return load(where).is_luks ? 0 : -EPERM;
}

int luks_salts(const struct luks_where *where, struct luks_salts *ret)
{
	*ret = (struct luks_salts){ .count = 1 };
	return load(where).is_luks ? 0 : -EINVAL;
}

int luks_slot_same(const char *a, const char *b UNUSED, int slot UNUSED)
{
	return load(&(struct luks_where){ a, NULL }).is_luks;
}

int luks_resize_active(const char *name UNUSED, const struct secret *volume_key UNUSED)
{
	machine->mapping_bytes = machine_root_bytes() - 16 * MIB;
	return 0;
}

int recovery_generate(struct secret *ret)
{
	return any_secret(ret);
}

int recovery_seal(const struct luks_where *where, const struct secret *volume_key UNUSED,
		  const struct secret *passphrase UNUSED)
{
	struct fake_luks luks = load(where);

	luks.has_recovery = true;
	return store(where, &luks);
}

int recovery_open(const struct luks_where *where, const struct secret *volume_key UNUSED,
		  struct secret *ret)
{
	return load(where).has_recovery ? any_secret(ret) : -ENOENT;
}

int recovery_write_file(const char *path, const struct secret *passphrase UNUSED)
{
	return file_replace_text(path, "the passphrase", 0600);
}

int recovery_forget(const struct luks_where *where)
{
	return luks_token_remove(where, NULL);
}

static int set_unwiped(const struct luks_where *where, bool is_unwiped)
{
	struct fake_luks luks = load(where);

	luks.is_unwiped = is_unwiped;
	return store(where, &luks);
}

int wiped_set_pending(const struct luks_where *where)
{
	return set_unwiped(where, true);
}

int wiped_set_done(const struct luks_where *where)
{
	assert_true(machine->is_tail_wiped);
	return set_unwiped(where, false);
}

int wiped_is_pending(const struct luks_where *where)
{
	return load(where).is_unwiped;
}

int free_space_destroy(const struct free_space_run *run)
{
	assert_true(machine->disk.is_luks && !machine->disk.is_reencrypting);
	assert_true(run->range.start_bytes >= 16 * MIB + machine->fs_bytes);
	machine->is_tail_wiped = true;
	return 0;
}

int free_space_destroy_all(const struct free_space *how UNUSED, int fd UNUSED,
			   uint64_t bytes UNUSED)
{
	assert_false(machine->is_boot_made);
	return 0;
}

int unlock_clevis(const struct luks_where *where, unsigned timeout_s UNUSED, struct secret *ret)
{
	assert_true(load(where).has_clevis);
	return any_secret(ret);
}

int unlock_volume_key(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		      struct secret *ret)
{
	return any_secret(ret);
}

int unlock_both_keys(const char *luks_uuid UNUSED, const struct luks_where *where,
		     struct secret *ret_used, struct secret *ret_next)
{
	return luks_both_keys(where, NULL, ret_used, ret_next);
}

int keyring_get(const char *luks_uuid UNUSED, unsigned number UNUSED, struct secret *ret)
{
	return machine->has_key ? any_secret(ret) : -ENOENT;
}

int keyring_drop(const char *luks_uuid UNUSED)
{
	machine->has_key = false;
	return 0;
}

int worker_run(const struct worker_run *run)
{
	struct worker_wishes wishes;

	run->tick(&(struct worker_view){ .done_bytes = GIB, .total_bytes = GIB, .warning = "" },
		  &wishes, run->userdata);
	assert_int_equal(run->next_key != NULL, machine->disk.is_rotating);
	if (machine->disk.is_rotating)
		machine->disk.is_rotated = machine->disk.has_old_slots = true;
	machine->disk.is_reencrypting = machine->disk.is_rotating = false;
	return 0;
}

/* --- mounts ----------------------------------------------------------------------------------- */

int mount_at(const char *target, struct facts_mount *ret, char *ret_options UNUSED,
	     size_t options_size UNUSED)
{
	bool is_boot = strcmp(target, "/boot") == 0;

	if (!(is_boot ? machine->is_boot_mounted : machine->is_esp_mounted))
		return -ENOENT;
	snprintf(ret->source, sizeof(ret->source), "%s", is_boot ? FAKE_BOOT : "/dev/vda15");
	return 0;
}

int mount_device(const char *device, const char *target UNUSED, const char *fstype UNUSED,
		 unsigned long flags UNUSED, const char *data UNUSED)
{
	assert_true(strcmp(device, "/") == 0 || machine->is_boot_made);
	return 0;
}

int mount_remove(const char *target)
{
	if (strcmp(target, "/boot") == 0) {
		assert_false(machine->is_esp_mounted);
		machine->is_boot_mounted = false;
	} else if (strcmp(target, "/boot/efi") == 0) {
		machine->is_esp_mounted = false;
	}
	return 0;
}

int mount_settle(const char *target UNUSED)
{
	return 0;
}

/* --- what is gone for good -------------------------------------------------------------------- */

int destroy_file(const char *path)
{
	return file_remove(path);
}

int destroy_folder(const char *path)
{
	char below[FAKE_PATH_MAX];

	snprintf(below, sizeof(below), "%s%s/",
		 machine->is_boot_mounted && strncmp(path, "/boot", 5) == 0 ? "@" : "", path);
	fake_files_drop(below);
	return 0;
}

int destroy_search(const char *device, const char *const *needles UNUSED, size_t count UNUSED,
		   uint64_t *ret_hits)
{
	*ret_hits = strcmp(device, FAKE_BOOT) == 0 && machine->has_remains ? 3 : 0;
	return 0;
}

int destroy_free_space(const char *mount_point UNUSED)
{
	machine->has_remains = false;
	return 0;
}
