/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot step finds and decides when something is wrong that people or machines do in
 * mid-conversion: disks under another name, a header copy or an intent that is missing or damaged,
 * at each boot of a conversion. Files are in memory; devices are fakes that know no name but the
 * one of the day.
 * UNIT_SOURCES: bootstrap/boot_look.c bootstrap/boot_mount.c bootstrap/boot_step.c
 * UNIT_SOURCES: bootstrap/intent.c tests/unit/fake_files.c
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
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

static struct {
	const char *disk; /* its name at this boot */
	bool has_boot_partition, is_luks, is_encrypted, is_mounted, is_used_since;
	bool is_torn, is_beyond_repair; /* the state's filesystem */
	bool has_key;			/* of redo logs */
	unsigned unread, looked;	/* so many times the places of one can't be read */
	bool is_late; /* the root partition isn't there when it is waited for first */
} world;

/* --- the boots of a conversion ---------------------------------------------------------------- */

enum boot { BEFORE_CARVE, BEFORE_PLACE, IN_PLACE, BEHIND_PLACE, IN_ENCRYPT };

static const struct {
	const char *name;
	enum boot_action action;
	bool is_separate, has_post, has_marker, is_luks, is_encrypted;
} boots[] = {
	[BEFORE_CARVE] = { "before carve", BOOT_CARVE, false, false, false, false, false },
	[BEFORE_PLACE] = { "before place", BOOT_CONVERT, true, false, false, false, false },
	[IN_PLACE] = { "in place", BOOT_PLACE_AGAIN, true, true, false, true, false },
	[BEHIND_PLACE] = { "behind place", BOOT_UNLOCK, true, true, true, true, false },
	[IN_ENCRYPT] = { "in encrypt", BOOT_UNLOCK, true, true, true, true, true },
};

static const char *folder_of(enum boot boot)
{
	return boots[boot].is_separate ? STATE_AT "/panocrypt" : STATE_AT STATE_DIR;
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name);
	fake_file_put(path, text, strlen(text));
}

static void drop(enum boot boot, const char *name)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder_of(boot), name);
	assert_ok(file_remove(path));
}

static void set_out(enum boot boot, const char *disk)
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
	world.disk = disk;
	world.has_boot_partition = is_separate;
	world.is_luks = boots[boot].is_luks;
	world.is_encrypted = boots[boot].is_encrypted;
	world.is_torn = world.is_beyond_repair = false;
	world.is_mounted = world.is_used_since = false;
	world.has_key = true;
	world.unread = world.looked = 0;
	world.is_late = false;
	snprintf(config, sizeof(config),
		 "{\"state_uuid\":\"%s\",\"state_path\":\"%s\",\"fs_uuid\":\"" FS_UUID
		 "\",\"root_partuuid\":\"" ROOT_PARTUUID "\",\"boot_partuuid\":\"" BOOT_PARTUUID
		 "\"}",
		 is_separate ? BOOT_UUID : FS_UUID, is_separate ? "/panocrypt" : STATE_DIR);
	put("", BOOT_CONFIG, config);
	put("", "/proc/cmdline", is_separate ? "quiet panocrypt.boot=" BOOT_UUID : "quiet");
	assert_ok(intent_write(folder_of(boot), &intent));
	put(folder_of(boot), HEADER_FILE, "LUKS2");
	if (boots[boot].has_post)
		put(folder_of(boot), HEADER_POST_FILE, "LUKS2");
	if (boots[boot].has_marker)
		put(folder_of(boot), MARKER_FILE, "");
}

static struct boot_decision look(struct boot_run *ret)
{
	boot_look(ret);
	return boot_decide(&ret->facts);
}

/* --- devices ---------------------------------------------------------------------------------- */

static bool is_root(const char *device)
{
	char name[64];

	snprintf(name, sizeof(name), "/dev/%s1", world.disk);
	return strcmp(device, name) == 0;
}

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	bool is_root_wanted = strcmp(value, ROOT_PARTUUID) == 0 ||
			      strcmp(value, world.is_luks ? LUKS_UUID : FS_UUID) == 0;

	assert_true(strcmp(tag, "PARTUUID") == 0 || strcmp(tag, "UUID") == 0);
	if (!is_root_wanted && !world.has_boot_partition)
		return -ENODEV;
	snprintf(ret, size, "/dev/%s%d", world.disk, is_root_wanted ? 1 : 2);
	return 0;
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
	if (!is_root(device)) {
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
	bool is_disk = is_root(where->header);

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
	assert_true(is_root(device) != world.has_boot_partition);
	assert_null(view);
	if (world.is_beyond_repair)
		return fail(-EUCLEAN, "fs-damaged");
	world.is_torn = false;
	return 0;
}

int fs_find(const char *name, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .check = mend };

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
	assert_true(is_root(path));
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
	assert_true(is_root(device) && key->len == 3);
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

/* --- tests ------------------------------------------------------------------------------------ */

/* vda today, sda after the provider has moved the machine. */
static void another_name_changes_nothing(void **state UNUSED)
{
	static const char *const disks[] = { "vda", "sda", "xvda", "nvme0n1p" };

	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(disks); k++) {
			struct boot_decision decision;
			struct boot_run run;

			set_out((enum boot)i, disks[k]);
			decision = look(&run);
			assert_true(is_root(run.root_device));
			assert_string_equal(boot_action_name(decision.action),
					    boot_action_name(boots[i].action));
			assert_false(decision.is_trouble);
		}
	}
}

/* Before the header is needed no more, the machine boots on as it is and says so; from header.post
 * on, the copy isn't. */
static void assert_without_header(enum boot boot)
{
	struct boot_run run;
	struct boot_decision decision = look(&run);

	assert_false(run.facts.has_header);
	if (boots[boot].has_post) {
		assert_int_equal(decision.action, boots[boot].action);
		assert_false(decision.is_trouble);
		return;
	}
	assert_int_equal(decision.action, BOOT_NOTHING);
	assert_true(decision.is_trouble);
	assert_non_null(strstr(decision.reason, "missing or damaged"));
}

static void header_copy_is_gone(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		set_out((enum boot)i, "vda");
		drop((enum boot)i, HEADER_FILE);
		assert_without_header((enum boot)i);
	}
}

static void header_copy_is_damaged(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		set_out((enum boot)i, "vda");
		put(folder_of((enum boot)i), HEADER_FILE, "garbage");
		assert_without_header((enum boot)i);
	}
}

static void assert_without_intent(enum boot boot)
{
	struct boot_run run;
	struct boot_decision decision = look(&run);
	bool is_half = boots[boot].has_post && !boots[boot].has_marker;

	assert_false(run.facts.has_intent);
	assert_true(decision.is_trouble);
	assert_int_equal(decision.action, is_half ? BOOT_HOLD : BOOT_NOTHING);
}

static void intent_is_gone_or_damaged(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		set_out((enum boot)i, "vda");
		drop((enum boot)i, INTENT_FILE);
		assert_without_intent((enum boot)i);
		set_out((enum boot)i, "vda");
		put(folder_of((enum boot)i), INTENT_FILE, "{\"server\":");
		assert_without_intent((enum boot)i);
	}
}

/* The marker is lost, and with it the word that the header is never written again: what is
 * encrypted says the same. */
static void marker_is_gone(void **state UNUSED)
{
	struct boot_run run;

	set_out(IN_ENCRYPT, "vda");
	drop(IN_ENCRYPT, MARKER_FILE);
	assert_int_equal(look(&run).action, BOOT_UNLOCK);
	set_out(BEHIND_PLACE, "vda");
	drop(BEHIND_PLACE, MARKER_FILE);
	assert_int_equal(look(&run).action, BOOT_PLACE_AGAIN);
}

/* A commit of the state's own filesystem was torn by the cut before: the same decision as without.
 */
static void torn_state_is_checked(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		struct boot_run run;

		set_out((enum boot)i, "vda");
		world.is_torn = true;
		assert_int_equal(look(&run).action, boots[i].action);
		assert_false(world.is_torn);
		set_out((enum boot)i, "vda");
		world.is_torn = world.is_beyond_repair = true;
		assert_int_equal(look(&run).action, BOOT_NOTHING);
		assert_false(run.is_mounted);
	}
}

/* What `undo` writes first: the boot of today and each one after it leaves the disk alone. */
static void undo_was_decided(void **state UNUSED)
{
	static const enum boot plain[] = { BEFORE_CARVE, BEFORE_PLACE, IN_PLACE };

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		struct boot_decision decision;
		struct boot_run run;
		struct intent intent;

		set_out(plain[i], "vda");
		world.is_luks = false;
		assert_ok(intent_read(folder_of(plain[i]), &intent));
		intent.undo = true;
		assert_ok(intent_write(folder_of(plain[i]), &intent));
		decision = look(&run);
		assert_int_equal(decision.action, BOOT_NOTHING);
		assert_false(decision.is_trouble);
	}
}

/* Where a redo log would be can't be read: whether `carve` or `shrink` was cut isn't known. */
static void assert_unread(enum boot boot, uint64_t payload_bytes, bool may_be_cut)
{
	struct intent intent;
	struct boot_decision decision;
	struct boot_run run;
	bool is_first = !boots[boot].is_separate;

	assert_ok(intent_read(folder_of(boot), &intent));
	intent.payload_bytes = payload_bytes;
	assert_ok(intent_write(folder_of(boot), &intent));
	decision = look(&run);
	assert_int_equal(run.facts.is_redo_unknown, may_be_cut);
	if (!may_be_cut)
		return;
	assert_true(!is_first || !world.is_mounted); /* not even read-only */
	assert_int_equal(decision.action, BOOT_HOLD);
	put("", "/proc/cmdline", "quiet panocrypt.skip");
	world.looked = 0;
	world.is_late = world.unread == 0;
	assert_int_equal(look(&run).action, BOOT_NOTHING);
}

static void holds_when_a_log_cant_be_looked_for(void **state UNUSED)
{
	static const struct {
		enum boot boot;
		uint64_t payload_bytes;
		bool has_boot_partition, may_be_cut;
	} tries[] = {
		{ BEFORE_CARVE, 0, false, true },
		{ BEFORE_CARVE, 0, true, false }, /* carved: its log is gone */
		{ BEFORE_PLACE, 0, true, false }, /* no size was chosen yet */
		{ BEFORE_PLACE, GIB, true, true },
		{ IN_PLACE, GIB, true, false },
		{ BEHIND_PLACE, GIB, true, false },
		{ IN_ENCRYPT, GIB, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		for (unsigned has_key = 0; has_key < 2; has_key++) {
			set_out(tries[i].boot, "vda");
			world.has_boot_partition = tries[i].has_boot_partition;
			world.has_key = has_key;
			world.unread = 3;
			assert_unread(tries[i].boot, tries[i].payload_bytes, tries[i].may_be_cut);
		}
	}
}

/* The head was parked; only if nobody has used the filesystem since can there be no log. */
static void holds_behind_a_stale_park(void **state UNUSED)
{
	set_out(IN_PLACE, "vda");
	world.is_luks = false;
	world.unread = 3;
	assert_unread(IN_PLACE, GIB, false);
	set_out(IN_PLACE, "vda");
	world.is_luks = false;
	world.is_used_since = true;
	world.unread = 3;
	assert_unread(IN_PLACE, GIB, true);
}

static void holds_without_an_intent(void **state UNUSED)
{
	struct boot_run run;

	set_out(BEFORE_PLACE, "vda");
	drop(BEFORE_PLACE, INTENT_FILE);
	world.unread = 3;
	assert_int_equal(look(&run).action, BOOT_HOLD);
	set_out(BEHIND_PLACE, "vda");
	drop(BEHIND_PLACE, INTENT_FILE);
	world.unread = 3;
	assert_int_equal(look(&run).action, BOOT_NOTHING);
}

/* A disk that appears when nobody waits for it any more: no log was looked for on it. */
static void the_root_is_late(void **state UNUSED)
{
	struct boot_decision decision;
	struct boot_run run;

	set_out(BEFORE_CARVE, "vda");
	world.is_late = true;
	decision = look(&run);
	assert_int_equal(decision.action, BOOT_NOTHING);
	assert_true(decision.is_trouble && !world.is_mounted);
	set_out(BEFORE_PLACE, "vda");
	world.is_late = true;
	assert_unread(BEFORE_PLACE, GIB, true);
	set_out(IN_ENCRYPT, "vda");
	world.is_late = true;
	assert_int_equal(look(&run).action, BOOT_UNLOCK);
}

/* A disk that isn't ready at once. */
static void looks_for_a_log_thrice(void **state UNUSED)
{
	struct boot_run run;

	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		set_out((enum boot)i, "vda");
		world.unread = 2;
		assert_int_equal(look(&run).action, boots[i].action);
		assert_int_equal(world.looked, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_name_changes_nothing),
		cmocka_unit_test(header_copy_is_gone),
		cmocka_unit_test(header_copy_is_damaged),
		cmocka_unit_test(intent_is_gone_or_damaged),
		cmocka_unit_test(marker_is_gone),
		cmocka_unit_test(torn_state_is_checked),
		cmocka_unit_test(undo_was_decided),
		cmocka_unit_test(holds_when_a_log_cant_be_looked_for),
		cmocka_unit_test(holds_behind_a_stale_park),
		cmocka_unit_test(holds_without_an_intent),
		cmocka_unit_test(the_root_is_late),
		cmocka_unit_test(looks_for_a_log_thrice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
