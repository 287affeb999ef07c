/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision table: every combination of states and sources, against a second, plainer writing of
 * docs/server-states.md; the order of reasons; and single rows that people would ask about.
 * UNIT_SOURCES: server/core/decide.c server/cidr.c server/reason.c
 */
#include "server/core/decide.h"

#include "tests/unit/unit.h"

#define NOW 1000000

static struct decide_facts facts_of(const char *source, const char *allow_from,
				    const char *registered)
{
	struct decide_facts facts = { .device_known = true, .key_known = true, .now_s = NOW };

	assert_ok(source_parse(source, &facts.source));
	assert_ok(cidr_list_parse(allow_from, &facts.allow_from));
	assert_ok(cidr_list_parse(registered, &facts.registered));
	return facts;
}

static const char *const sources[] = { "192.0.2.7", "198.51.100.7", "2001:db8:1::7",
				       "2001:db8:2::7" };

/* Which of sources are inside each list, as people would say it. */
static const struct {
	const char *allow_from;
	bool inside[4];
} allow_rows[] = {
	{ "", { false, false, false, false } },
	{ "[\"192.0.2.0/24\"]", { true, false, false, false } },
	{ "[\"2001:db8:1::/48\",\"198.51.100.7\"]", { false, true, true, false } },
	{ "[\"0.0.0.0/0\",\"::/0\"]", { true, true, true, true } },
};

static const struct {
	const char *registered;
	bool inside[4];
	bool has_v4, has_v6;
} registered_rows[] = {
	{ "[]", { false, false, false, false }, false, false },
	{ "[\"192.0.2.7\"]", { true, false, false, false }, true, false },
	{ "[\"2001:db8:1::/64\"]", { false, false, true, false }, false, true },
	{ "[\"192.0.2.7\",\"2001:db8:1::/64\"]", { true, false, true, false }, true, true },
};

struct expected {
	bool allowed;
	enum reason reason;
};

/* docs/server-states.md in plain ifs. */
static struct expected expect(const struct decide_facts *facts, size_t allow, size_t registered,
			      size_t source)
{
	bool v4 = source<2, converting = facts->converting_until_s> NOW, inside;
	bool has = v4 ? registered_rows[registered].has_v4 : registered_rows[registered].has_v6;

	if (!facts->device_known || !facts->key_known)
		return (struct expected){ false, REASON_UNKNOWN };
	if (facts->revoked_s)
		return (struct expected){ false, REASON_REVOKED };
	if (allow > 0)
		inside = allow_rows[allow].inside[source];
	else if (converting && !has)
		inside = true;
	else
		inside = registered_rows[registered].inside[source];
	if (!inside)
		return (struct expected){ false, REASON_SOURCE };
	if (facts->disabled)
		return (struct expected){ false, REASON_DISABLED };
	return (struct expected){ true, converting ? REASON_CONVERTING : REASON_POLICY };
}

static void check_states(size_t allow, size_t registered, size_t source)
{
	static const uint64_t windows[] = { 0, NOW - 1, NOW, NOW + 1 };

	for (int bits = 0; bits < 16; bits++) {
		for (size_t window = 0; window < ARRAY_SIZE(windows); window++) {
			struct decide_facts facts = facts_of(
				sources[source], allow_rows[allow].allow_from,
				registered_rows[registered].registered);
			struct expected wanted;
			struct decision got;

			facts.device_known = bits & 1;
			facts.key_known = bits & 2;
			facts.revoked_s = bits & 4 ? NOW - 5 : 0;
			facts.disabled = bits & 8;
			facts.converting_until_s = windows[window];
			wanted = expect(&facts, allow, registered, source);
			got = decide(&facts);
			if (got.allowed != wanted.allowed || got.reason != wanted.reason)
				fail_msg("allow_from %s registered %s source %s bits %d window %zu:"
					 " %d %s instead of %d %s",
					 allow_rows[allow].allow_from,
					 registered_rows[registered].registered, sources[source],
					 bits, window, got.allowed, reason_name(got.reason),
					 wanted.allowed, reason_name(wanted.reason));
			if (got.is_new_address && !got.allowed)
				fail_msg("a denied source would be registered");
		}
	}
}

static void agrees_with_the_page(void **state)
{
	(void)state;
	for (size_t allow = 0; allow < ARRAY_SIZE(allow_rows); allow++)
		for (size_t registered = 0; registered < ARRAY_SIZE(registered_rows); registered++)
			for (size_t source = 0; source < ARRAY_SIZE(sources); source++)
				check_states(allow, registered, source);
}

/* Everything wrong at once, then put right one by one: reasons come in the table's order. */
static void denies_in_order(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7", "[\"10.0.0.0/8\"]", "[]");

	(void)state;
	facts.device_known = facts.key_known = false;
	facts.revoked_s = 1;
	facts.disabled = true;
	assert_int_equal(decide(&facts).reason, REASON_UNKNOWN);
	facts.device_known = facts.key_known = true;
	assert_int_equal(decide(&facts).reason, REASON_REVOKED);
	facts.revoked_s = 0;
	assert_int_equal(decide(&facts).reason, REASON_SOURCE);
	facts.allow_from.count = 0;
	facts.converting_until_s = NOW + 1;
	assert_int_equal(decide(&facts).reason, REASON_DISABLED);
	facts.disabled = false;
	facts.quarantined = true; /* converting is no waiver of it */
	assert_int_equal(decide(&facts).reason, REASON_QUARANTINE);
	assert_false(decide(&facts).allowed);
	facts.quarantined = false;
	assert_int_equal(decide(&facts).reason, REASON_CONVERTING);
	assert_true(decide(&facts).allowed);
}

/* The enumeration is the contract for rules to come; the reasons follow it. */
static void keeps_the_order(void **state)
{
	(void)state;
	assert_true(STEP_UNKNOWN < STEP_REVOKED && STEP_REVOKED < STEP_SOURCE &&
		    STEP_SOURCE < STEP_DISABLED && STEP_DISABLED < STEP_ABSENCE &&
		    STEP_ABSENCE < STEP_QUARANTINE && STEP_QUARANTINE < STEP_APPROVAL &&
		    STEP_APPROVAL < STEP_CONVERTING && STEP_CONVERTING < STEP_ALLOW);
}

static void closes_active_devices_without_address(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7", "", "[]");

	(void)state;
	assert_false(decide(&facts).allowed);
	assert_int_equal(decide(&facts).reason, REASON_SOURCE);
	facts = facts_of("192.0.2.7", "", "[\"2001:db8:1::/64\"]");
	assert_false(decide(&facts).allowed);
}

static void registers_the_first_of_a_family(void **state)
{
	static const struct {
		const char *source, *allow_from, *registered;
		uint64_t until_s;
		bool allowed, is_new;
	} rows[] = {
		{ "192.0.2.7", "", "[]", NOW + 1, true, true },
		{ "192.0.2.7", "", "[\"192.0.2.7\"]", NOW + 1, true, false },
		{ "192.0.2.8", "", "[\"192.0.2.7\"]", NOW + 1, false, false },
		{ "2001:db8::1", "", "[\"192.0.2.7\"]", NOW + 1, true, true },
		{ "2001:db8::2", "", "[\"2001:db8::/64\"]", NOW + 1, true, false },
		{ "2001:db8:0:1::2", "", "[\"2001:db8::/64\"]", NOW + 1, false, false },
		{ "192.0.2.7", "[\"192.0.2.0/24\"]", "[]", NOW + 1, true, true },
		{ "192.0.2.7", "[\"192.0.2.0/24\"]", "[]", NOW, true, false },
		{ "192.0.2.7", "", "[]", NOW, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct decide_facts facts = facts_of(rows[i].source, rows[i].allow_from,
						     rows[i].registered);
		struct decision got;

		facts.converting_until_s = rows[i].until_s;
		got = decide(&facts);
		if (got.allowed != rows[i].allowed || got.is_new_address != rows[i].is_new)
			fail_msg("row %zu: %d %d", i, got.allowed, got.is_new_address);
	}
}

static void names_every_reason(void **state)
{
	(void)state;
	for (int reason = 0; reason < REASON_COUNT; reason++) {
		assert_non_null(reason_name((enum reason)reason));
		assert_non_null(reason_advice(reason_name((enum reason)reason)));
	}
	assert_true(strlen(reason_advice("source")) > 20);
	assert_true(strlen(reason_advice("clone")) > 20);
	assert_true(strlen(reason_advice("something else")) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_page),
		cmocka_unit_test(denies_in_order),
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(closes_active_devices_without_address),
		cmocka_unit_test(registers_the_first_of_a_family),
		cmocka_unit_test(names_every_reason),
	};

	return cmocka_run_group_tests_name("server_decide", tests, NULL, NULL);
}
