/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `undo` after bootpart, carve and shrink, on a faked machine: every call below it fails once, in
 * turn, and a second undo must bring the same machine back. What may never be is a partition taken
 * away from which the boot loader still starts. Also that undo refuses from the first chunk on.
 * UNIT_SOURCES: bootstrap/phases.c bootstrap/phases/bootpart.c bootstrap/phases/carve.c
 * UNIT_SOURCES: bootstrap/phases/shrink.c bootstrap/tabs.c
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_step.h"
#include "bootstrap/destroy.h"
#include "bootstrap/etc_files.h"
#include "bootstrap/fs.h"
#include "bootstrap/grub.h"
#include "bootstrap/mount.h"
#include "bootstrap/new_boot.h"
#include "bootstrap/phase.h"
#include "bootstrap/phases/initramfs.h"
#include "bootstrap/report.h"
#include "bootstrap/spawn.h"
#include "bootstrap/table.h"
#include "common/strbuf.h"

#include "tests/unit/unit.h"

#define BOOT_UUID "0b5d2c1e-0000-4000-8000-00000000b007"

/* What an undo has to bring back. */
struct machine {
	bool is_boot_mounted, is_esp_mounted; /* /boot: the new partition */
	bool is_loader_new;		      /* starts from the new partition */
	bool has_fstab_line, has_partition, is_filesystem_small;
	bool is_placed, has_our_files, has_state_on_boot;
};

static const struct machine converted = { true, true, true, true, true, true, false, true, false };
static const struct machine stock = {
	false, true, false, false, false, false, false, false, false
};

static struct machine now;
static unsigned calls, fail_at_call; /* 0: none fails */
static struct facts facts;
static struct job job = { .facts = &facts, .state_dir = STATE_DIR };

/* Every call that could fail. */
static bool fails(void)
{
	return ++calls == fail_at_call;
}

static int result(const char *what)
{
	return fails() ? fail(-EIO, "%s failed", what) : 0;
}

int mount_at(const char *target, struct facts_mount *ret UNUSED, char *ret_options UNUSED,
	     size_t options_size UNUSED)
{
	bool is_mounted = strcmp(target, "/boot") == 0 ? now.is_boot_mounted : now.is_esp_mounted;

	return is_mounted ? 0 : -ENOENT;
}

int mount_remove(const char *target)
{
	if (fails())
		return fail(-EBUSY, "%s is busy", target);
	if (strcmp(target, "/boot") == 0) {
		assert_false(now.is_esp_mounted);
		now.is_boot_mounted = false;
	} else {
		now.is_esp_mounted = false;
	}
	return 0;
}

int spawn_run(const struct spawn *spawn)
{
	int r = result(spawn->argv[0]);

	if (r == 0 && strcmp(spawn->argv[0], "mount") == 0) {
		assert_string_equal(spawn->argv[1], "/boot/efi");
		now.is_esp_mounted = true;
	}
	return r;
}

int etc_read(const char *path, char **ret)
{
	int r = result("reading fstab");

	assert_string_equal(path, FSTAB);
	return r < 0 ? r
		     : text_format(ret,
				   "UUID=1 / ext4 defaults 0 1\nUUID=2 /boot/efi vfat umask=077 0 "
				   "1\n%s",
				   now.has_fstab_line ? "UUID=" BOOT_UUID
							" /boot ext4 defaults 0 2\n"
						      : "");
}

int etc_fstab_drop(const char *mount_point)
{
	int r = result("fstab");

	assert_string_equal(mount_point, "/boot");
	assert_false(now.is_loader_new); /* else nobody would know that it has to be put back */
	now.has_fstab_line = now.has_fstab_line && r < 0;
	return r;
}

int grub_install(const struct facts *of)
{
	int r = result("grub-install");

	assert_false(now.is_boot_mounted); /* it would be installed for the new one */
	assert_true(now.is_esp_mounted);
	assert_string_equal(of->esp_mount, "/boot/efi");
	now.is_loader_new = now.is_loader_new && r < 0;
	return r;
}

int table_uncarve(const char *disk UNUSED, unsigned grow UNUSED, const char *partuuid UNUSED)
{
	int r = result("the partition table");

	assert_false(now.is_loader_new);
	assert_false(now.is_boot_mounted);
	now.has_partition = now.has_partition && r < 0;
	return r;
}

static int grow(const char *device UNUSED)
{
	int r = result("resize2fs");

	now.is_filesystem_small = now.is_filesystem_small && r < 0;
	return r;
}

int fs_find(const char *name UNUSED, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .grow = grow };

	*ret = &fs;
	return result("the filesystem");
}

int place_is_begun(struct job *of UNUSED)
{
	return now.is_placed;
}

static bool is_decided; /* by the intent on the disk */

int intent_write(const char *dir, const struct intent *intent)
{
	int r = result("the intent");

	assert_string_equal(dir, STATE_DIR);
	is_decided = is_decided || (r == 0 && intent->undo);
	return r;
}

/* /boot was separate all along: only our folder there goes. */
int destroy_folder(const char *path)
{
	int r = result("our folder on /boot");

	assert_string_equal(path, BOOT_STATE_DIR);
	now.has_state_on_boot = now.has_state_on_boot && r < 0;
	return r;
}

static int files_undo(struct job *of UNUSED)
{
	int r = result("our files");

	now.has_our_files = now.has_our_files && r < 0;
	return r;
}

static int never(struct job *of UNUSED)
{
	return 0;
}

#define OTHER(name_) const struct phase phase_##name_ = { .name = #name_, .done = never }
OTHER(enroll);
OTHER(packages);
OTHER(header);
OTHER(rehearse);
OTHER(open);
OTHER(encrypt);
OTHER(wipe);
OTHER(native);
OTHER(verify);
OTHER(leave);

static bool is_grown, is_rotation_wanted;

static int grow_done(struct job *of UNUSED)
{
	return is_grown;
}

static bool rotate_is_wanted(const struct job *of UNUSED)
{
	return is_rotation_wanted;
}

const struct phase phase_grow = { .name = "grow", .done = grow_done };
const struct phase phase_rotate = {
	.name = "rotate",
	.done = never,
	.is_wanted = rotate_is_wanted,
};
const struct phase phase_initramfs = { .name = "initramfs", .done = never, .undo = files_undo };
const struct phase phase_place = { .name = "place", .done = never };

/* --- what the same files need for their other halves; never called by undo ---------------------
 */

#define UNUSED_CALL(type, name, ...)                                                               \
	type name(__VA_ARGS__)                                                                     \
	{                                                                                          \
		fail_msg(#name " in an undo");                                                     \
		return (type)-1;                                                                   \
	}
UNUSED_CALL(int, block_find, const char *a UNUSED, const char *b UNUSED, char *c UNUSED,
	    size_t d UNUSED)
UNUSED_CALL(int, new_boot_make, const struct intent *a UNUSED, const char *b UNUSED)
UNUSED_CALL(int, mount_device, const char *a UNUSED, const char *b UNUSED, const char *c UNUSED,
	    unsigned long d UNUSED, const char *e UNUSED)
UNUSED_CALL(int, mount_settle, const char *a UNUSED)
UNUSED_CALL(int, etc_fstab_set, const char *a UNUSED, const char *b UNUSED)
UNUSED_CALL(int, destroy_file, const char *a UNUSED)
UNUSED_CALL(int, boot_json_write, const struct intent *i UNUSED, const char *a UNUSED,
	    const char *b UNUSED, bool c UNUSED)
UNUSED_CALL(int, boot_images_rebuild, struct job *a UNUSED)
UNUSED_CALL(int, grub_write_defaults, enum grub_stage a UNUSED, const struct intent *b UNUSED)
UNUSED_CALL(int, grub_update, const struct intent *a UNUSED)
UNUSED_CALL(int, grub_cfg_has, const char *a UNUSED, bool *b UNUSED)
UNUSED_CALL(int, boot_result_check, const char *a UNUSED)

void report_progress(struct reporter *reporter UNUSED, const char *phase UNUSED,
		     enum report_state state UNUSED, double percent UNUSED,
		     const char *message UNUSED)
{
}

/* --- tests --------------------------------------------------------------------------------------
 */

/* What a start of the program would find. */
static void collect_facts(void)
{
	facts = (struct facts){ .root_fstype = "ext4", .has_esp = true };
	facts.is_boot_separate = now.is_boot_mounted;
	snprintf(facts.boot_uuid, sizeof(facts.boot_uuid), "%s",
		 now.is_boot_mounted ? BOOT_UUID : "the root's");
	snprintf(facts.esp_mount, sizeof(facts.esp_mount), "%s",
		 now.is_esp_mounted ? "/boot/efi" : "");
	calls = 0;
	is_decided = false;
}

static void assert_stock(unsigned n)
{
	if (memcmp(&now, &stock, sizeof(now)) != 0)
		fail_msg("failing call %u: mounted %d %d, loader new %d, fstab %d, partition %d, "
			 "small %d, files %d",
			 n, now.is_boot_mounted, now.is_esp_mounted, now.is_loader_new,
			 now.has_fstab_line, now.has_partition, now.is_filesystem_small,
			 now.has_our_files);
}

static int setup(void **state UNUSED)
{
	strcpy(job.intent.boot_uuid, BOOT_UUID);
	job.intent.boot_bytes = 768 * MIB;
	fail_at_call = 0;
	now = converted;
	collect_facts();
	return 0;
}

static void brings_everything_back(void **state UNUSED)
{
	assert_ok(phases_undo(&job));
	assert_stock(0);
	collect_facts();
	assert_ok(phases_undo(&job)); /* once more changes nothing */
	assert_stock(0);
}

static void goes_on_behind_each_failure(void **state UNUSED)
{
	unsigned n, failures = 0;

	for (n = 1;; n++) {
		now = converted;
		collect_facts();
		fail_at_call = n;
		if (phases_undo(&job) == 0)
			break;
		failures++;
		fail_at_call = 0;
		collect_facts();
		if (phases_undo(&job) < 0)
			fail_msg("failing call %u: again: %s", n, fail_text());
		assert_stock(n);
	}
	assert_true(failures >= 10);
}

/* Twice, at any two calls. */
static void goes_on_behind_two_failures(void **state UNUSED)
{
	for (unsigned n = 1; n < 16; n++)
		for (unsigned m = 1; m < 16; m++) {
			now = converted;
			collect_facts();
			fail_at_call = n;
			(void)!phases_undo(&job);
			collect_facts();
			fail_at_call = m;
			(void)!phases_undo(&job);
			collect_facts();
			fail_at_call = 0;
			assert_ok(phases_undo(&job));
			assert_stock(100 * n + m);
		}
}

static void decides_before_it_changes(void **state UNUSED)
{
	fail_at_call = 1;
	assert_int_equal(phases_undo(&job), -EIO);
	assert_said("the intent failed");
	assert_false(is_decided);
	assert_int_equal(memcmp(&now, &converted, sizeof(now)), 0);
	collect_facts();
	fail_at_call = 2;
	assert_int_equal(phases_undo(&job), -EIO);
	assert_true(is_decided);
}

static void leaves_a_boot_of_its_own(void **state UNUSED)
{
	job.intent.boot_bytes = 0;
	now.has_state_on_boot = true;
	assert_ok(phases_undo(&job));
	assert_false(now.has_state_on_boot || now.has_our_files || now.is_filesystem_small);
	assert_true(now.is_boot_mounted && now.has_fstab_line && now.has_partition);
}

static void before_bootpart_there_is_less_to_do(void **state UNUSED)
{
	now = stock;
	now.has_partition = now.is_filesystem_small = now.has_our_files = true;
	collect_facts();
	assert_ok(phases_undo(&job));
	assert_stock(0);
}

static void too_late_from_the_first_chunk_on(void **state UNUSED)
{
	now.is_placed = true;
	assert_int_equal(phases_undo(&job), -EBUSY);
	assert_said("too-late");
	now.is_placed = false;
	assert_int_equal(memcmp(&now, &converted, sizeof(now)), 0);
}

static void passes_over_what_is_not_wanted(void **state UNUSED)
{
	const char *name = NULL;

	is_grown = true;
	assert_ok(phases_current(&job, &name));
	assert_string_equal(name, "native");
	is_rotation_wanted = true;
	assert_ok(phases_current(&job, &name));
	assert_string_equal(name, "rotate");
	is_grown = is_rotation_wanted = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(brings_everything_back, setup),
		cmocka_unit_test_setup(goes_on_behind_each_failure, setup),
		cmocka_unit_test_setup(goes_on_behind_two_failures, setup),
		cmocka_unit_test_setup(decides_before_it_changes, setup),
		cmocka_unit_test_setup(leaves_a_boot_of_its_own, setup),
		cmocka_unit_test_setup(before_bootpart_there_is_less_to_do, setup),
		cmocka_unit_test_setup(too_late_from_the_first_chunk_on, setup),
		cmocka_unit_test(passes_over_what_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
