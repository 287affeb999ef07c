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
	bool allowed, pending;
	enum reason reason;
};

#define DENIED(reason) ((struct expected){ false, false, reason })

/* docs/server-states.md in plain ifs, without waivers. */
static struct expected expect(const struct decide_facts *facts, size_t allow, size_t registered,
			      size_t source)
{
	bool v4 = source<2, converting = facts->converting_until_s> NOW, inside;
	bool has = v4 ? registered_rows[registered].has_v4 : registered_rows[registered].has_v6;

	if (facts->is_crowded)
		return DENIED(REASON_ADMISSION);
	if (facts->is_malformed)
		return DENIED(REASON_MALFORMED);
	if (!facts->device_known || !facts->key_known)
		return DENIED(REASON_UNKNOWN);
	if (facts->revoked_s)
		return DENIED(REASON_REVOKED);
	if (facts->is_outdated)
		return DENIED(REASON_OUTDATED);
	if (facts->held)
		return DENIED(REASON_HELD);
	if (allow > 0)
		inside = allow_rows[allow].inside[source];
	else if (converting && !has)
		inside = true;
	else
		inside = registered_rows[registered].inside[source];
	if (!inside)
		return DENIED(REASON_SOURCE);
	if (facts->is_hasty)
		return DENIED(REASON_RATE);
	if (facts->disabled)
		return DENIED(REASON_DISABLED);
	if (facts->absence_s > 0 && !converting && NOW - facts->seen_s >= facts->absence_s) {
		if (facts->absence_denies)
			return DENIED(REASON_ABSENCE);
		return facts->is_refused ? DENIED(REASON_REFUSED)
					 : (struct expected){ false, true, REASON_ABSENCE };
	}
	if (facts->approval == APPROVAL_ALWAYS ||
	    (facts->approval == APPROVAL_ACTIVE && !converting))
		return facts->is_refused ? DENIED(REASON_REFUSED)
					 : (struct expected){ false, true, REASON_APPROVAL };
	if (facts->authorizer == AUTHORIZER_UNASKED || facts->authorizer == AUTHORIZER_DENIES)
		return DENIED(REASON_AUTHORIZER);
	if (facts->authorizer == AUTHORIZER_ALLOWS &&
	    facts->authorized_for != (converting ? REASON_CONVERTING : REASON_POLICY))
		return DENIED(REASON_AUTHORIZER);
	return (struct expected){ true, false, converting ? REASON_CONVERTING : REASON_POLICY };
}

static void check_states(size_t allow, size_t registered, size_t source)
{
	static const uint64_t windows[] = { 0, NOW - 1, NOW, NOW + 1 };
	struct decide_facts facts = facts_of(sources[source], allow_rows[allow].allow_from,
					     registered_rows[registered].registered);

	for (unsigned bits = 0; bits < 1 << 14; bits++) {
		struct expected wanted;
		struct decision got;

		facts.is_crowded = bits & 1;
		facts.is_malformed = bits & 2;
		facts.device_known = !(bits & 4);
		facts.revoked_s = bits & 8 ? NOW - 5 : 0;
		facts.held = bits & 16;
		facts.is_outdated = (bits & 48) == 32 && bits & 64;
		facts.is_hasty = bits & 32;
		facts.disabled = bits & 64;
		facts.absence_s = bits & 128 ? 100 : 0;
		facts.seen_s = bits & 256 ? NOW - 100 : NOW - 99;
		facts.absence_denies = bits & 512;
		facts.approval = bits & 1024 ? bits & 2048 ? APPROVAL_ALWAYS : APPROVAL_ACTIVE
					     : APPROVAL_NONE;
		facts.converting_until_s = windows[bits >> 12];
		facts.is_refused = (bits & 3072) == 3072 ? bits & 4 : bits & 2048;
		/* Its rule is behind all others: any mixture of their bits will do. */
		facts.authorizer = (enum authorizer_state)((bits ^ bits >> 7) & 3);
		facts.authorized_for = bits & 512 ? REASON_CONVERTING : REASON_POLICY;
		wanted = expect(&facts, allow, registered, source);
		got = decide(&facts);
		if (got.allowed != wanted.allowed || got.reason != wanted.reason ||
		    got.is_pending != wanted.pending)
			fail_msg("allow_from %s registered %s source %s bits %x: %d %s instead of"
				 " %d %s",
				 allow_rows[allow].allow_from,
				 registered_rows[registered].registered, sources[source], bits,
				 got.allowed, reason_name(got.reason), wanted.allowed,
				 reason_name(wanted.reason));
		if (got.must_consult !=
		    (got.reason == REASON_AUTHORIZER && facts.authorizer == AUTHORIZER_UNASKED))
			fail_msg("bits %x: asks the authorizer: %d", bits, got.must_consult);
		if ((got.is_new_address && !got.allowed) || (got.allowed && got.is_pending))
			fail_msg("bits %x: a decision that contradicts itself", bits);
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
	facts.is_crowded = facts.is_malformed = facts.held = facts.is_hasty = true;
	facts.device_known = facts.key_known = false;
	facts.revoked_s = facts.absence_s = 1;
	facts.disabled = facts.absence_denies = true;
	facts.approval = APPROVAL_ALWAYS;
	assert_int_equal(decide(&facts).reason, REASON_ADMISSION);
	facts.is_crowded = false;
	assert_int_equal(decide(&facts).reason, REASON_MALFORMED);
	facts.is_malformed = false;
	assert_int_equal(decide(&facts).reason, REASON_UNKNOWN);
	facts.device_known = facts.key_known = true;
	assert_int_equal(decide(&facts).reason, REASON_REVOKED);
	facts.revoked_s = 0;
	facts.is_outdated = true;
	assert_int_equal(decide(&facts).reason, REASON_OUTDATED);
	facts.is_outdated = false;
	assert_int_equal(decide(&facts).reason, REASON_HELD);
	facts.held = false;
	assert_int_equal(decide(&facts).reason, REASON_SOURCE);
	assert_ok(cidr_list_parse("[\"192.0.2.0/24\"]", &facts.networks[0]));
	facts.network_count = 1;
	assert_int_equal(decide(&facts).reason, REASON_RATE);
	facts.is_hasty = false;
	assert_int_equal(decide(&facts).reason, REASON_DISABLED);
	facts.disabled = false;
	assert_int_equal(decide(&facts).reason, REASON_ABSENCE);
	facts.absence_s = 0;
	facts.quarantined = true; /* converting is no waiver of it */
	assert_int_equal(decide(&facts).reason, REASON_QUARANTINE);
	assert_true(decide(&facts).is_pending);
	facts.quarantined = false;
	assert_int_equal(decide(&facts).reason, REASON_APPROVAL);
	facts.approval = APPROVAL_ACTIVE;
	facts.converting_until_s = NOW + 1;
	assert_int_equal(decide(&facts).reason, REASON_CONVERTING);
	assert_true(decide(&facts).allowed);
}

/* Each step's name, and the order of the enumeration, are the contract of docs/server-states.md. */
static void keeps_the_order(void **state)
{
	static const char *const names[STEP_COUNT] = { "admission", "malformed",  "unknown",
						       "revoked",   "outdated",	  "held",
						       "source",    "rate",	  "disabled",
						       "absence",   "quarantine", "approval",
						       "authorizer" };

	(void)state;
	for (int step = 0; step < STEP_COUNT; step++)
		assert_string_equal(reason_name(decide_step_reason((enum decide_step)step)),
				    names[step]);
}

/* Lists of people add up; a named one without ranges closes, it doesn't open. */
static void takes_network_lists(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7", "", "[\"192.0.2.7\"]");

	(void)state;
	assert_true(decide(&facts).allowed);
	facts.network_count = 1;
	assert_int_equal(decide(&facts).reason, REASON_SOURCE);
	assert_ok(cidr_list_parse("[\"198.51.100.0/24\"]", &facts.networks[0]));
	assert_int_equal(decide(&facts).reason, REASON_SOURCE);
	assert_ok(cidr_list_parse("[\"192.0.2.0/28\"]", &facts.networks[1]));
	facts.network_count = 2;
	assert_true(decide(&facts).allowed);
	assert_ok(source_parse("::ffff:192.0.2.7", &facts.source));
	assert_true(decide(&facts).allowed);
	assert_ok(source_parse("198.51.100.9", &facts.source));
	assert_true(decide(&facts).allowed);
	assert_ok(cidr_list_parse("[\"203.0.113.9\"]", &facts.allow_from));
	assert_true(decide(&facts).allowed);
	assert_ok(source_parse("203.0.113.9", &facts.source));
	assert_true(decide(&facts).allowed);
	assert_ok(source_parse("203.0.113.8", &facts.source));
	assert_false(decide(&facts).allowed);
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

/* Nobody outside is asked about what is denied anyway, or about what people are still to decide;
 * and a yes is for what was asked. */
static void asks_the_authorizer_last(void **state)
{
	struct decide_facts facts = facts_of("192.0.2.7", "[\"192.0.2.0/24\"]", "[]");
	enum decide_outcome outcomes[STEP_COUNT];
	struct decision got;

	(void)state;
	facts.authorizer = AUTHORIZER_UNASKED;
	got = decide(&facts);
	assert_true(got.must_consult && !got.allowed && !got.is_pending && !got.is_waivable);
	assert_int_equal(got.consult_for, REASON_POLICY);
	decide_explain(&facts, outcomes);
	assert_int_equal(outcomes[STEP_AUTHORIZER], OUTCOME_ASKS);
	facts.is_refused = true; /* by people: that is another matter */
	assert_true(decide(&facts).must_consult);
	facts.is_refused = false;
	facts.disabled = true;
	assert_false(decide(&facts).must_consult);
	assert_int_equal(decide(&facts).reason, REASON_DISABLED);
	facts.waivers[0] = (struct waiver){ .waives = WAIVES_DISABLED,
					    .boots_left = 1,
					    .replies_per_boot = 3,
					    .expires_s = NOW + 1 };
	facts.waiver_count = 1;
	got = decide(&facts);
	assert_true(got.must_consult);
	assert_int_equal(got.consult_for, REASON_WAIVER);
	assert_null(got.waiver);
	facts.authorizer = AUTHORIZER_DENIES;
	assert_null(decide(&facts).waiver);
	assert_false(decide(&facts).allowed || decide(&facts).must_consult);
	facts.authorizer = AUTHORIZER_ALLOWS;
	facts.authorized_for = REASON_WAIVER;
	assert_true(decide(&facts).allowed);
	assert_non_null(decide(&facts).waiver);
	facts.authorized_for = REASON_POLICY;
	assert_false(decide(&facts).allowed);
	assert_int_equal(decide(&facts).reason, REASON_AUTHORIZER);
	/* No waiver names it. */
	facts.authorizer = AUTHORIZER_DENIES;
	facts.waivers[0].waives = ~0U;
	assert_int_equal(decide(&facts).reason, REASON_AUTHORIZER);
}

static void names_every_reason(void **state)
{
	(void)state;
	for (int reason = 0; reason < REASON_COUNT; reason++) {
		assert_non_null(reason_name((enum reason)reason));
		assert_non_null(reason_advice(reason_name((enum reason)reason)));
	}
	for (int reason = 0; reason < REASON_COUNT; reason++)
		assert_true(reason_status((enum reason)reason) >= 400);
	assert_true(strlen(reason_advice("source")) > 20);
	assert_true(strlen(reason_advice("clone")) > 20);
	assert_true(strlen(reason_advice("something else")) > 20);
}

static void names_the_change(void **state)
{
	static const struct {
		const char *reason, *device, *source, *command;
	} rows[] = {
		{ "source", "abc", "192.0.2.7",
		  "panocryptctl device set abc --add-from 192.0.2.7" },
		{ "source", "abc", "", "" },
		{ "disabled", "abc", "", "panocryptctl device enable abc" },
		{ "disabled", "", "192.0.2.7", "" },
		{ "revoked", "abc", "192.0.2.7", "" },
		{ "clone", "abc", "192.0.2.7", "" },
		{ "nonsense", "abc", "192.0.2.7", "" },
	};
	char command[REASON_COMMAND_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reason_command(rows[i].reason, rows[i].device, rows[i].source, command);
		assert_string_equal(command, rows[i].command);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_page),
		cmocka_unit_test(denies_in_order),
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(closes_active_devices_without_address),
		cmocka_unit_test(registers_the_first_of_a_family),
		cmocka_unit_test(takes_network_lists),
		cmocka_unit_test(asks_the_authorizer_last),
		cmocka_unit_test(names_every_reason),
		cmocka_unit_test(names_the_change),
	};

	return cmocka_run_group_tests_name("server_decide", tests, NULL, NULL);
}
