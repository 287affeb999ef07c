/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot step finds and decides when something is wrong that people or machines do in
 * mid-conversion: disks under another name, a header copy or an intent that is missing or damaged,
 * at each boot of a conversion (boot_world.h).
 * UNIT_SOURCES: bootstrap/boot_look.c bootstrap/boot_mount.c bootstrap/boot_step.c
 * UNIT_SOURCES: bootstrap/intent.c tests/unit/fake_files.c tests/unit/boot_world.c
 */
#include "bootstrap/boot_run.h"
#include "common/file.h"

#include "tests/unit/boot_world.h"
#include "tests/unit/unit.h"

static struct boot_decision look(struct boot_run *ret)
{
	boot_look(ret);
	return boot_decide(&ret->facts);
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

			world_set_out((enum boot)i, disks[k]);
			decision = look(&run);
			assert_true(world_is_root(run.root_device));
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
		world_set_out((enum boot)i, "vda");
		world_drop((enum boot)i, HEADER_FILE);
		assert_without_header((enum boot)i);
	}
}

static void header_copy_is_damaged(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		world_set_out((enum boot)i, "vda");
		world_put(world_folder((enum boot)i), HEADER_FILE, "garbage");
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
		world_set_out((enum boot)i, "vda");
		world_drop((enum boot)i, INTENT_FILE);
		assert_without_intent((enum boot)i);
		world_set_out((enum boot)i, "vda");
		world_put(world_folder((enum boot)i), INTENT_FILE, "{\"server\":");
		assert_without_intent((enum boot)i);
	}
}

/* The marker is lost, and with it the word that the header is never written again: what is
 * encrypted says the same. */
static void marker_is_gone(void **state UNUSED)
{
	struct boot_run run;

	world_set_out(IN_ENCRYPT, "vda");
	world_drop(IN_ENCRYPT, MARKER_FILE);
	assert_int_equal(look(&run).action, BOOT_UNLOCK);
	world_set_out(BEHIND_PLACE, "vda");
	world_drop(BEHIND_PLACE, MARKER_FILE);
	assert_int_equal(look(&run).action, BOOT_PLACE_AGAIN);
}

/* A commit of the state's own filesystem was torn by the cut before: the same decision as without.
 */
static void torn_state_is_checked(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		struct boot_run run;

		world_set_out((enum boot)i, "vda");
		world.is_torn = true;
		assert_int_equal(look(&run).action, boots[i].action);
		assert_false(world.is_torn);
		world_set_out((enum boot)i, "vda");
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

		world_set_out(plain[i], "vda");
		world.is_luks = false;
		assert_ok(intent_read(world_folder(plain[i]), &intent));
		intent.undo = true;
		assert_ok(intent_write(world_folder(plain[i]), &intent));
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

	assert_ok(intent_read(world_folder(boot), &intent));
	intent.payload_bytes = payload_bytes;
	assert_ok(intent_write(world_folder(boot), &intent));
	decision = look(&run);
	assert_int_equal(run.facts.is_redo_unknown, may_be_cut);
	if (!may_be_cut)
		return;
	assert_true(!is_first || !world.is_mounted); /* not even read-only */
	assert_int_equal(decision.action, BOOT_HOLD);
	world_put("", "/proc/cmdline", "quiet panocrypt.skip");
	world.looked = 0;
	world.is_late = world.unread == 0;
	assert_int_equal(look(&run).action, BOOT_NOTHING);
}

/* Nobody finds the state by its UUID then. */
static void a_torn_superblock_is_mended(void **state UNUSED)
{
	struct boot_decision decision;
	struct boot_run run;

	for (size_t i = 0; i < BOOTS; i++) {
		world_set_out((enum boot)i, "vda");
		world.is_unknown = true;
		assert_int_equal(look(&run).action, boots[i].action);
		assert_false(world.is_unknown);
		world_set_out((enum boot)i, "vda");
		world.is_unknown = true;
		world.instead = "xfs"; /* nothing that is recognised is written to */
		decision = look(&run);
		assert_int_equal(decision.action, BOOT_NOTHING);
		assert_true(decision.is_trouble && world.is_unknown);
	}
	world_set_out(BEFORE_CARVE, "vda"); /* an old image: a header may be on its way there */
	world.is_unknown = world.has_boot_partition = true;
	assert_int_equal(look(&run).action, BOOT_NOTHING);
	assert_true(world.is_unknown);
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
			world_set_out(tries[i].boot, "vda");
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
	world_set_out(IN_PLACE, "vda");
	world.is_luks = false;
	world.unread = 3;
	assert_unread(IN_PLACE, GIB, false);
	world_set_out(IN_PLACE, "vda");
	world.is_luks = false;
	world.is_used_since = true;
	world.unread = 3;
	assert_unread(IN_PLACE, GIB, true);
}

static void holds_without_an_intent(void **state UNUSED)
{
	struct boot_run run;

	world_set_out(BEFORE_PLACE, "vda");
	world_drop(BEFORE_PLACE, INTENT_FILE);
	world.unread = 3;
	assert_int_equal(look(&run).action, BOOT_HOLD);
	world_set_out(BEHIND_PLACE, "vda");
	world_drop(BEHIND_PLACE, INTENT_FILE);
	world.unread = 3;
	assert_int_equal(look(&run).action, BOOT_NOTHING);
}

/* A disk that appears when nobody waits for it any more: no log was looked for on it. */
static void the_root_is_late(void **state UNUSED)
{
	struct boot_decision decision;
	struct boot_run run;

	world_set_out(BEFORE_CARVE, "vda");
	world.is_late = true;
	decision = look(&run);
	assert_int_equal(decision.action, BOOT_NOTHING);
	assert_true(decision.is_trouble && !world.is_mounted);
	world_set_out(BEFORE_PLACE, "vda");
	world.is_late = true;
	assert_unread(BEFORE_PLACE, GIB, true);
	world_set_out(IN_ENCRYPT, "vda");
	world.is_late = true;
	assert_int_equal(look(&run).action, BOOT_UNLOCK);
}

/* A disk that isn't ready at once. */
static void looks_for_a_log_thrice(void **state UNUSED)
{
	struct boot_run run;

	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		world_set_out((enum boot)i, "vda");
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
		cmocka_unit_test(a_torn_superblock_is_mended),
		cmocka_unit_test(holds_when_a_log_cant_be_looked_for),
		cmocka_unit_test(holds_behind_a_stale_park),
		cmocka_unit_test(holds_without_an_intent),
		cmocka_unit_test(the_root_is_late),
		cmocka_unit_test(looks_for_a_log_thrice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
