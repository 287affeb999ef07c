/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * boot_decide(): every combination of its facts against what must never happen, then the way of a
 * conversion row by row; the sums of the boot step; words of the command line. UNIT_SOURCES:
 * bootstrap/boot_step.c bootstrap/boot_sizes.c
 */
#include "bootstrap/boot_sizes.h"
#include "bootstrap/boot_step.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

#define FACT_COUNT 15

static struct boot_facts from_bits(unsigned bits)
{
	return (struct boot_facts){
		.has_intent = bits & 1,
		.has_header = bits & 2,
		.has_post = bits & 4,
		.has_marker = bits & 8,
		.has_boot_partition = bits & 16,
		.is_boot_separate = bits & 32,
		.is_boot_proven = bits & 64,
		.is_root_filesystem = bits & 128,
		.is_root_luks = bits & 256,
		.is_root_same_as_parked = bits & 512,
		.has_skip = bits & 1024,
		.has_redo = bits & 2048,
		.is_redo_foreign = bits & 4096,
		.is_redo_unknown = bits & 8192,
		.is_undo_wanted = bits & 16384,
	};
}

static bool writes_to_disk(enum boot_action action)
{
	return action == BOOT_REDO || action == BOOT_CARVE || action == BOOT_CONVERT ||
	       action == BOOT_PLACE_AGAIN;
}

/* A redo log comes before everything: boot_look() knows nothing else then. Where one may be and
 * can't be read, nothing is written, and only a person boots on. */
static void check_redo(const struct boot_facts *f, struct boot_decision d, unsigned bits)
{
	if (f->has_redo != (d.action == BOOT_REDO) || (f->has_redo && d.is_trouble))
		fail_msg("facts %#x: a whole redo log, and %s", bits, boot_action_name(d.action));
	if (f->is_redo_unknown && !f->has_redo &&
	    d.action != (f->has_skip ? BOOT_NOTHING : BOOT_HOLD))
		fail_msg("facts %#x: perhaps a redo log, and %s", bits, boot_action_name(d.action));
	if (f->is_redo_foreign && (d.action == BOOT_CARVE || d.action == BOOT_CONVERT))
		fail_msg("facts %#x: %s over a filesystem of unknown state", bits,
			 boot_action_name(d.action));
}

static void check(const struct boot_facts *f, struct boot_decision d, unsigned bits)
{
	const bool is_cleared = f->has_post && !f->has_marker && !f->is_root_filesystem;
	const bool ok[] = {
		d.reason && d.reason[0],
		/* no intent: nothing is written, and the only stop is a half-placed header */
		f->has_intent || d.action == BOOT_NOTHING || (d.action == BOOT_HOLD && f->has_post),
		/* the head was cleared or replaced, and no marker: the boot never goes on with it
		 */
		!(f->has_intent && is_cleared) || d.action == BOOT_PLACE_AGAIN,
		/* the marker: no copy is ever written again, nothing is cut */
		!f->has_marker || !writes_to_disk(d.action),
		/* the marker and no LUKS: never mounted unless a user says so over a whole
		   filesystem */
		!(f->has_intent && f->has_marker && !f->is_root_luks) || d.action == BOOT_HOLD ||
			(f->has_skip && f->is_root_filesystem),
		/* only a whole filesystem is cut or converted, and only with a header to give it */
		!(d.action == BOOT_CARVE || d.action == BOOT_CONVERT) ||
			(f->is_root_filesystem && f->has_header && !f->has_skip),
		/* encryption begins only behind a /boot that has booted this very system */
		d.action != BOOT_CONVERT || (f->is_boot_separate && f->is_boot_proven),
		d.action != BOOT_CARVE || (!f->is_boot_separate && !f->has_boot_partition),
		/* a copy is only written again when there is one */
		d.action != BOOT_PLACE_AGAIN || f->has_post,
		d.action != BOOT_UNLOCK || (f->is_root_luks && f->has_marker),
		/* the way out works wherever what is on the disk may be used as it is */
		!(f->has_skip && f->is_root_filesystem) || d.action == BOOT_NOTHING ||
			(!f->has_intent && d.action == BOOT_HOLD),
		/* a parked head that no longer fits is never put in front of a filesystem that was
		   used since */
		!(f->is_root_filesystem && !f->is_root_same_as_parked) ||
			d.action != BOOT_PLACE_AGAIN || f->is_root_luks,
		!d.is_trouble || d.action == BOOT_NOTHING || d.action == BOOT_HOLD,
		/* an undo was decided: no conversion goes on */
		!(f->has_intent && f->is_undo_wanted) || f->is_root_luks ||
			(d.action != BOOT_CARVE && d.action != BOOT_CONVERT &&
			 (d.action != BOOT_PLACE_AGAIN || is_cleared)),
	};

	for (size_t i = 0; i < ARRAY_SIZE(ok); i++) {
		if (!ok[i])
			fail_msg("facts %#x: rule %zu broken by %s (%s)", bits, i,
				 boot_action_name(d.action), d.reason);
	}
}

static void test_every_combination(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (unsigned bits = 0; bits < 1U << FACT_COUNT; bits++) {
		struct boot_facts facts = from_bits(bits);
		struct boot_decision decision;

		if (facts.is_root_filesystem && facts.is_root_luks)
			continue; /* boot_look() compares one UUID with both */
		decision = boot_decide(&facts);
		check_redo(&facts, decision, bits);
		if (!facts.has_redo && !facts.is_redo_unknown)
			check(&facts, decision, bits);
		seen |= 1U << decision.action;
	}
	assert_int_equal(seen, (1U << (BOOT_HOLD + 1)) - 1); /* no action is unreachable */
}

#define PLAN .has_intent = true, .has_header = true
#define BOOTED PLAN, .has_boot_partition = true, .is_boot_separate = true, .is_boot_proven = true

static const struct {
	const char *when;
	struct boot_facts facts;
	enum boot_action action;
	bool is_trouble;
} way[] = {
	{ "no intent", { 0 }, BOOT_NOTHING, true },
	{ "cut inside carve or shrink", { .has_redo = true }, BOOT_REDO, false },
	{ "the same, and the user wants out",
	  { .has_redo = true, .has_skip = true },
	  BOOT_REDO,
	  false },
	{ "perhaps, since the disk can't be read there",
	  { PLAN, .is_root_filesystem = true, .is_redo_unknown = true },
	  BOOT_HOLD,
	  true },
	{ "the same, and the user has looked",
	  { PLAN, .is_root_filesystem = true, .is_redo_unknown = true, .has_skip = true },
	  BOOT_NOTHING,
	  true },
	{ "cut inside, but another system was booted before",
	  { PLAN, .is_root_filesystem = true, .is_redo_foreign = true },
	  BOOT_NOTHING,
	  true },
	{ "boot 1", { PLAN, .is_root_filesystem = true }, BOOT_CARVE, false },
	{ "boot 1, header lost",
	  { .has_intent = true, .is_root_filesystem = true },
	  BOOT_NOTHING,
	  true },
	{ "boot 1, another disk", { PLAN }, BOOT_NOTHING, true },
	{ "carved, not yet bootpart",
	  { PLAN, .is_root_filesystem = true, .has_boot_partition = true },
	  BOOT_NOTHING,
	  false },
	{ "boot 2", { BOOTED, .is_root_filesystem = true }, BOOT_CONVERT, false },
	{ "boot 2 by the old grub",
	  { PLAN, .has_boot_partition = true, .is_boot_separate = true,
	    .is_root_filesystem = true },
	  BOOT_NOTHING,
	  true },
	{ "parked, cut",
	  { BOOTED, .has_post = true, .is_root_filesystem = true, .is_root_same_as_parked = true },
	  BOOT_PLACE_AGAIN,
	  false },
	{ "parked, then booted plain",
	  { BOOTED, .has_post = true, .is_root_filesystem = true },
	  BOOT_CONVERT,
	  false },
	{ "boot 1, to be undone",
	  { PLAN, .is_root_filesystem = true, .is_undo_wanted = true },
	  BOOT_NOTHING,
	  false },
	{ "boot 2, to be undone",
	  { BOOTED, .is_root_filesystem = true, .is_undo_wanted = true },
	  BOOT_NOTHING,
	  false },
	{ "cleared, cut", { BOOTED, .has_post = true }, BOOT_PLACE_AGAIN, false },
	{ "cleared, cut, skip",
	  { BOOTED, .has_post = true, .has_skip = true },
	  BOOT_PLACE_AGAIN,
	  false },
	{ "secondary header, cut",
	  { BOOTED, .has_post = true, .is_root_luks = true },
	  BOOT_PLACE_AGAIN,
	  false },
	{ "the same with skip",
	  { BOOTED, .has_post = true, .is_root_luks = true, .has_skip = true },
	  BOOT_PLACE_AGAIN,
	  false },
	{ "placed",
	  { BOOTED, .has_post = true, .has_marker = true, .is_root_luks = true },
	  BOOT_UNLOCK,
	  false },
	{ "placed, skip",
	  { BOOTED, .has_post = true, .has_marker = true, .is_root_luks = true, .has_skip = true },
	  BOOT_NOTHING,
	  true },
	{ "header destroyed", { BOOTED, .has_post = true, .has_marker = true }, BOOT_HOLD, true },
	{ "an old image restored over it",
	  { BOOTED, .has_post = true, .has_marker = true, .is_root_filesystem = true },
	  BOOT_HOLD,
	  true },
	{ "the same, and the user knows",
	  { BOOTED, .has_marker = true, .is_root_filesystem = true, .has_skip = true },
	  BOOT_NOTHING,
	  true },
	{ "copies destroyed by leave",
	  { .has_intent = true, .is_boot_separate = true, .is_root_luks = true },
	  BOOT_NOTHING,
	  false },
	{ "intent damaged inside place", { .has_post = true }, BOOT_HOLD, true },
	{ "intent damaged later", { .has_post = true, .has_marker = true }, BOOT_NOTHING, true },
};

static void test_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(way); i++) {
		struct boot_decision decision = boot_decide(&way[i].facts);

		if (decision.action != way[i].action || decision.is_trouble != way[i].is_trouble)
			fail_msg("%s: %s, %s (%s)", way[i].when, boot_action_name(decision.action),
				 decision.is_trouble ? "trouble" : "fine", decision.reason);
	}
}

static void test_cmdline(void **state)
{
	static const char line[] = "root=UUID=1 panocrypt.boot=2\tquiet panocrypt.skip.not\n";

	(void)state;
	assert_true(boot_cmdline_has(line, "root=UUID=1"));
	assert_true(boot_cmdline_has(line, "panocrypt.boot=2"));
	assert_true(boot_cmdline_has(line, "quiet"));
	assert_false(boot_cmdline_has(line, "panocrypt.boot="));
	assert_false(boot_cmdline_has(line, "panocrypt.skip"));
	assert_false(boot_cmdline_has("", "panocrypt.skip"));
	assert_true(boot_cmdline_has("panocrypt.skip", "panocrypt.skip"));
}

static void test_carve_size(void **state)
{
	const uint64_t sizes[] = { 2 * GIB, 4 * GIB - 17 * KIB, 3 * GIB + 4096 + 512,
				   63 * GIB + 999 * 512 };
	const uint64_t starts[] = { 128 * MIB, MIB, 63 * 512 };
	uint64_t root = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(starts); i++) {
		uint64_t size = sizes[i / ARRAY_SIZE(starts)],
			 start = starts[i % ARRAY_SIZE(starts)];

		assert_int_equal(boot_carve_size(start, size, 768 * MIB, 16 * MIB, &root), 0);
		assert_int_equal(root % 4096, 0);
		assert_true(root + 768 * MIB <= size);
		assert_true(root + 768 * MIB + 2 * MIB > size);
		/* the new partition begins at the next whole MiB and still fits */
		assert_true((start + root + MIB - 1) / MIB * MIB + 768 * MIB <= start + size);
	}
	assert_true(boot_carve_size(MIB, 800 * MIB, 768 * MIB, 16 * MIB, &root) < 0);
	assert_non_null(strstr(fail_text(), "too-little-space"));
}

static void test_payload_size(void **state)
{
	const struct payload_facts roomy = { GIB, 900 * MIB, 3 * GIB, 3 * GIB + 32 * MIB,
					     16 * MIB };
	struct payload_facts facts = roomy;
	uint64_t size = 0;

	(void)state;
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, 900 * MIB + 225 * MIB + 256 * MIB);
	facts.unmoved_bytes = 2 * GIB; /* more than what is wanted */
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, 2 * GIB);
	facts.used_bytes = 2900 * MIB; /* less slack than wanted: all that there is */
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, 3 * GIB);
	facts.unmoved_bytes = 3 * GIB; /* just fits */
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, 3 * GIB);
	facts.root_bytes -= 4096; /* not any more */
	assert_true(boot_payload_size(&facts, &size) < 0);
	assert_non_null(strstr(fail_text(), "tail-in-use"));
	facts = roomy;
	facts.fs_bytes = GIB + 4096; /* never larger than the filesystem is */
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, GIB + 4096);
	facts = roomy;
	facts.is_all_wanted = true; /* all that there is: R - 2S */
	assert_int_equal(boot_payload_size(&facts, &size), 0);
	assert_int_equal(size, 3 * GIB);
	facts.root_bytes = 90 * MIB;
	assert_true(boot_payload_size(&facts, &size) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination), cmocka_unit_test(test_way),
		cmocka_unit_test(test_cmdline),		  cmocka_unit_test(test_carve_size),
		cmocka_unit_test(test_payload_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
