/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waivers in the decision: what they lift and what never, whose reply is whose, and how they are
 * used up.
 * UNIT_SOURCES: server/core/decide.c server/cidr.c server/reason.c
 */
#include "server/core/decide.h"

#include "tests/unit/unit.h"

#define NOW 1000000

static struct decide_facts facts_of(const char *source)
{
	struct decide_facts facts = { .device_known = true, .key_known = true, .now_s = NOW };

	assert_ok(source_parse(source, &facts.source));
	assert_ok(cidr_list_parse("[\"192.0.2.0/24\"]", &facts.allow_from));
	return facts;
}

static struct waiver waiver_of(unsigned waives)
{
	return (struct waiver){ .waives = waives,
				.expires_s = NOW + 3600,
				.boots_left = 1,
				.replies_per_boot = 3,
				.window_s = 120 };
}

static void give(struct decide_facts *facts, struct waiver waiver)
{
	facts->waivers[facts->waiver_count++] = waiver;
}

/* What blocks, by bits of struct waived; a second bit set names what a waiver waives. */
static struct decide_facts blocked_by(unsigned blocks)
{
	struct decide_facts facts = facts_of(blocks & WAIVES_SOURCE ? "10.0.0.1" : "192.0.2.7");

	facts.disabled = blocks & WAIVES_DISABLED;
	facts.absence_s = blocks & WAIVES_ABSENCE ? 1 : 0;
	facts.approval = blocks & WAIVES_APPROVAL ? APPROVAL_ACTIVE : APPROVAL_NONE;
	return facts;
}

/* All 16 blocks against all 16 waivers: allowed exactly when everything that blocks is named. */
static void waives_what_it_names(void **state)
{
	(void)state;
	for (unsigned blocks = 0; blocks < 16; blocks++) {
		for (unsigned waives = 0; waives < 16; waives++) {
			struct decide_facts facts = blocked_by(blocks);
			struct decision got;

			give(&facts, waiver_of(waives));
			got = decide(&facts);
			if (got.allowed != ((blocks & ~waives) == 0))
				fail_msg("blocked by %x, waived %x: %d", blocks, waives,
					 got.allowed);
			if (got.allowed !=
			    (got.reason == REASON_WAIVER || got.reason == REASON_POLICY))
				fail_msg("blocked by %x: reason %s", blocks,
					 reason_name(got.reason));
			/* What isn't needed isn't spent. */
			if ((got.waiver != NULL) != (got.allowed && blocks))
				fail_msg("blocked by %x, waived %x: spent", blocks, waives);
		}
	}
}

/* Two half permissions aren't a whole one; of several, one that fits is taken. */
static void takes_one_that_fits(void **state)
{
	struct decide_facts facts = blocked_by(WAIVES_DISABLED | WAIVES_APPROVAL);

	(void)state;
	give(&facts, waiver_of(WAIVES_DISABLED));
	give(&facts, waiver_of(WAIVES_APPROVAL));
	assert_false(decide(&facts).allowed);
	assert_true(decide(&facts).is_waivable);
	assert_int_equal(decide(&facts).reason, REASON_APPROVAL);
	give(&facts, waiver_of(WAIVES_POLICY));
	assert_true(decide(&facts).allowed);
	assert_ptr_equal(decide(&facts).waiver, &facts.waivers[2]);
}

static void never_waives(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		struct decide_facts facts = facts_of("192.0.2.7");

		facts.is_crowded = i == 0;
		facts.is_malformed = i == 1;
		facts.device_known = i != 2;
		facts.key_known = i != 3;
		facts.revoked_s = i == 4;
		facts.held = i == 5;
		facts.is_hasty = i == 6;
		give(&facts, waiver_of(~0U));
		assert_false(decide(&facts).allowed);
		assert_false(decide(&facts).is_waivable);
		assert_false(decide(&facts).is_pending);
	}
}

/* Who waives a source doesn't make it one of the device's. */
static void registers_no_waived_source(void **state)
{
	struct decide_facts facts = blocked_by(WAIVES_SOURCE);

	(void)state;
	facts.converting_until_s = NOW + 1;
	give(&facts, waiver_of(WAIVES_SOURCE));
	assert_true(decide(&facts).allowed);
	assert_false(decide(&facts).is_new_address);
}

static void converting_waives_approval_alone(void **state)
{
	(void)state;
	for (unsigned blocks = 0; blocks < 8; blocks++) {
		struct decide_facts facts = blocked_by(blocks);

		facts.converting_until_s = NOW + 1;
		if (decide(&facts).allowed != !(blocks & WAIVES_DISABLED))
			fail_msg("blocked by %x", blocks);
		assert_null(decide(&facts).waiver);
		facts.approval = APPROVAL_ALWAYS;
		assert_false(decide(&facts).allowed);
	}
}

static void people_say_no(void **state)
{
	struct decide_facts facts = blocked_by(WAIVES_APPROVAL);

	(void)state;
	assert_true(decide(&facts).is_pending);
	facts.is_refused = true;
	assert_false(decide(&facts).is_pending);
	assert_int_equal(decide(&facts).reason, REASON_REFUSED);
	give(&facts, waiver_of(WAIVES_APPROVAL)); /* somebody said yes after all */
	assert_true(decide(&facts).allowed);
	facts = facts_of("192.0.2.7");
	facts.is_refused = true; /* nobody has to be asked any more */
	assert_true(decide(&facts).allowed);
}

/* The life of one waiver: at a time, from an address, is there a reply? Rows go on with the same
 * waiver. */
static void is_used_up(void **state)
{
	static const struct {
		uint64_t at_s;
		const char *source;
		bool allowed;
	} rows[] = {
		{ NOW, "192.0.2.7", true },	  /* the first boot begins */
		{ NOW + 1, "192.0.2.8", false },  /* it is for one address */
		{ NOW + 60, "192.0.2.7", true },  /* a lost reply */
		{ NOW + 119, "192.0.2.7", true }, /* the third */
		{ NOW + 119, "192.0.2.8", false },
		{ NOW + 120, "192.0.2.8", true }, /* the window is over: the second boot */
		{ NOW + 121, "192.0.2.8", true },
		{ NOW + 239, "192.0.2.7", false },
		{ NOW + 240, "192.0.2.8", false }, /* two boots are all */
		{ NOW + 240, "192.0.2.7", false },
	};
	struct waiver waiver = waiver_of(WAIVES_DISABLED);

	(void)state;
	waiver.boots_left = 2;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct decide_facts facts = facts_of(rows[i].source);
		struct decision got;

		facts.disabled = true;
		facts.now_s = rows[i].at_s;
		give(&facts, waiver);
		got = decide(&facts);
		if (got.allowed != rows[i].allowed)
			fail_msg("row %zu: %d", i, got.allowed);
		if (got.waiver)
			waiver = decide_spend(got.waiver, &facts.source, facts.now_s);
	}
}

/* Used up within the window, the next boot may begin at once: machines reboot quickly. */
static void next_boot_begins_early(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7");
	struct waiver waiver = waiver_of(WAIVES_DISABLED);
	unsigned replies = 0;

	(void)state;
	waiver.boots_left = 2;
	facts.disabled = true;
	facts.waiver_count = 1;
	for (facts.waivers[0] = waiver; decide(&facts).allowed; replies++)
		facts.waivers[0] = decide_spend(&facts.waivers[0], &facts.source, NOW);
	assert_int_equal(replies, 6);
}

static void expires(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7");
	struct waiver waiver = waiver_of(WAIVES_DISABLED);

	(void)state;
	facts.disabled = true;
	facts.waiver_count = 1;
	waiver.expires_s = NOW;
	facts.waivers[0] = waiver;
	assert_false(decide(&facts).allowed);
	waiver.expires_s = NOW + 1;
	facts.waivers[0] = waiver;
	assert_true(decide(&facts).allowed);
	/* A boot that has begun in time is served to its end. */
	facts.waivers[0] = decide_spend(&waiver, &facts.source, NOW);
	facts.now_s = NOW + 119;
	assert_true(decide(&facts).allowed);
	facts.now_s = NOW + 120;
	assert_false(decide(&facts).allowed);
}

static void holds_for_its_pair(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7");
	struct waiver waiver = waiver_of(WAIVES_DISABLED | WAIVES_SOURCE);

	(void)state;
	facts.disabled = true;
	waiver.has_source = true;
	assert_ok(source_parse("192.0.2.8", &waiver.source));
	give(&facts, waiver);
	assert_false(decide(&facts).allowed);
	assert_ok(source_parse("::ffff:192.0.2.8", &facts.source));
	assert_true(decide(&facts).allowed);
}

/* The second look, after its own reply was taken. */
static void counts_a_spent_one(void **state)
{
	struct decide_facts facts = blocked_by(WAIVES_DISABLED);
	struct waiver waiver = waiver_of(WAIVES_DISABLED);

	(void)state;
	waiver.boots_left = 0;
	waiver.is_spent = true;
	give(&facts, waiver);
	assert_true(decide(&facts).allowed);
	facts.revoked_s = 1;
	assert_false(decide(&facts).allowed);
}

static void explains(void **state)
{
	struct decide_facts facts = blocked_by(WAIVES_DISABLED | WAIVES_APPROVAL);
	enum decide_outcome got[STEP_COUNT];

	(void)state;
	facts.held = true;
	decide_explain(&facts, got);
	assert_int_equal(got[STEP_UNKNOWN], OUTCOME_PASSES);
	assert_int_equal(got[STEP_HELD], OUTCOME_DENIES);
	assert_int_equal(got[STEP_DISABLED], OUTCOME_DENIES);
	assert_int_equal(got[STEP_APPROVAL], OUTCOME_ASKS);
	assert_int_equal(got[STEP_AUTHORIZER], OUTCOME_PASSES);
	give(&facts, waiver_of(WAIVES_DISABLED));
	decide_explain(&facts, got);
	assert_int_equal(got[STEP_DISABLED], OUTCOME_WAIVED);
	assert_int_equal(got[STEP_APPROVAL], OUTCOME_ASKS);
	facts.converting_until_s = NOW + 1;
	decide_explain(&facts, got);
	assert_int_equal(got[STEP_APPROVAL], OUTCOME_WAIVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waives_what_it_names),
		cmocka_unit_test(takes_one_that_fits),
		cmocka_unit_test(never_waives),
		cmocka_unit_test(registers_no_waived_source),
		cmocka_unit_test(converting_waives_approval_alone),
		cmocka_unit_test(people_say_no),
		cmocka_unit_test(is_used_up),
		cmocka_unit_test(next_boot_begins_early),
		cmocka_unit_test(expires),
		cmocka_unit_test(holds_for_its_pair),
		cmocka_unit_test(counts_a_spent_one),
		cmocka_unit_test(explains),
	};

	return cmocka_run_group_tests_name("server_waivers", tests, NULL, NULL);
}
