/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for approval over time: folding, stale ones, a no that wears off, votes; with core on
 * one side and people on the other of one store.
 * UNIT_SOURCES: server/core/unlock*.c server/core/decide.c server/core/facts.c server/cidr.c
 * UNIT_SOURCES: server/core/reboot.c
 * UNIT_SOURCES: server/config*.c server/rate.c server/reason.c server/waiver.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/store/?*.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/authorizer.c
 */
#include "server/core/unlock.h"
#include "tests/unit/server_fixture.h"

#define STATES(state) "SELECT count(*) FROM approval WHERE state = '" state "'"

static void ignore(const struct unlock_item *item UNUSED, void *userdata UNUSED)
{
}

/* Asks as a machine does; was_held: it has waited. Returns the answer's status, 0 for held. */
static uint32_t ask(struct fixture *fixture, const uint8_t *device, const char *from, bool was_held)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	struct unlock_item item = { .source = fixture_source(from),
				    .now_ms = 1,
				    .was_held = was_held,
				    .is_last = was_held };
	struct exchange_point point;
	struct store_key key;

	item.request.curve = MESSAGE_CURVE_P521;
	memcpy(item.request.device, device, DEVICE_ID_BYTES);
	assert_ok(store_key(fixture->parts.store, device, NULL, &key));
	strcpy(item.request.thumbprint, key.exchange_thumbprint);
	assert_ok(exchange_generate(fixture->parts.exchange, &scalar));
	assert_ok(exchange_public(fixture->parts.exchange, scalar.data, &point));
	memcpy(item.request.x, point.x, sizeof(point.x));
	memcpy(item.request.y, point.y, sizeof(point.y));
	assert_ok(unlock_serve(&fixture->parts, &item, 1, ignore, NULL));
	assert_int_equal(item.is_held, item.answer.status == 0);
	return item.answer.status;
}

static struct message_redeemed device_to_approve(struct fixture *fixture)
{
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");

	fixture_sql(fixture, "UPDATE device SET approval = 'active'");
	return device;
}

static int take_id(const struct store_approval *row, void *userdata)
{
	memcpy(userdata, row->id, sizeof(row->id));
	return 1;
}

/* The newest pending one's. */
static bool newest(struct fixture *fixture, uint8_t ret[16])
{
	return store_approvals(fixture->parts.store, fixture->by.organization, true, take_id,
			       ret) == 1;
}

static void folds_repeats(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);

	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 503);
	assert_int_equal(fixture_number(fixture, "SELECT asked FROM approval"), 2);
	assert_int_equal(ask(fixture, device.device, "192.0.2.8", false), 0);
	assert_int_equal(fixture_number(fixture, STATES("pending")), 2);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit WHERE event ="
						 " 'approval-requested'"),
			 2);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit WHERE event ="
						 " 'unlock-pending'"),
			 2);
}

/* A request that was given up isn't approved into one of another day. */
static void ends_stale_ones(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);
	uint8_t id[16];

	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	fixture_sql(fixture, "UPDATE approval SET until_s = unixepoch()");
	assert_false(newest(fixture, id));
	assert_int_equal(
		store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_APPROVE, 0),
		STORE_CONFLICT);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_int_equal(fixture_number(fixture, STATES("ended")), 1);
	assert_int_equal(fixture_number(fixture, STATES("pending") " AND asked = 1"), 1);
}

static void a_no_wears_off(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);
	uint8_t id[16];

	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	assert_ok(store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_DENY, 0));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 403);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 403);
	assert_int_equal(ask(fixture, device.device, "192.0.2.8", false), 0);
	fixture_sql(fixture, "UPDATE approval SET decided_s = unixepoch() - 3599"
			     " WHERE state = 'denied'");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 403);
	fixture_sql(fixture, "UPDATE approval SET decided_s = unixepoch() - 3600"
			     " WHERE state = 'denied'");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
}

static void a_yes_is_spent_and_ends(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);
	uint8_t id[16];

	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	assert_ok(store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_APPROVE, 0));
	assert_int_equal(ask(fixture, device.device, "192.0.2.8", false), 0);
	for (int i = 0; i < WAIVER_REPLIES; i++)
		assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 200);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	assert_ok(store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_APPROVE, 0));
	assert_in_range(fixture_number(fixture, "SELECT max(expires_s) - unixepoch() FROM waiver"),
			890, 900);
	fixture_sql(fixture, "UPDATE waiver SET expires_s = unixepoch()");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	/* It waives approval; a disabled device stays disabled. */
	assert_true(newest(fixture, id));
	assert_ok(store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_APPROVE, 0));
	fixture_sql(fixture, "UPDATE device SET disabled = 1");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 403);
}

/* What people had allowed before ends with its beginning; converting waives nothing of it. */
static void a_quarantine_asks(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);
	struct store_new_waiver waiver = { .waives = WAIVES_POLICY,
					   .boots = 1,
					   .replies_per_boot = 1,
					   .window_s = 120,
					   .expires_in_s = 3600,
					   .comment = "" };
	uint8_t id[16];

	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_ok(store_allow_once(fixture->parts.store, &fixture->by, device.device, &waiver, id));
	fixture_sql(fixture, "UPDATE device SET converting_until_s = unixepoch() + 60");
	assert_ok(store_quarantine_begin(fixture->parts.store, "operator", "a test"));
	assert_int_equal(fixture_number(fixture, STATES("pending")), 0);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_int_equal(fixture_number(fixture, STATES("pending") " AND reason = 'quarantine'"),
			 1);
	assert_true(newest(fixture, id));
	assert_ok(store_approval_vote(fixture->parts.store, &fixture->by, id, VOTE_APPROVE, 0));
	for (int i = 0; i < WAIVER_REPLIES; i++)
		assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 200);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_ok(store_allow_once(fixture->parts.store, &fixture->by, device.device, &waiver, id));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 200);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 503);
	assert_ok(store_begin(fixture->parts.store));
	assert_ok(store_quarantine_end(fixture->parts.store, "operator", "a test"));
	assert_ok(store_commit(fixture->parts.store));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 200);
}

static void another_organization_decides_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = device_to_approve(fixture);
	struct store_by eve = { .actor = "eve" };
	uint8_t id[16];

	assert_ok(
		store_organization_create(fixture->parts.store, "other", "eve", eve.organization));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	for (int vote = VOTE_APPROVE; vote <= VOTE_DEFER; vote++)
		assert_int_equal(store_approval_vote(fixture->parts.store, &eve, id,
						     (enum store_vote)vote, 60),
				 STORE_NOT_FOUND);
	assert_int_equal(fixture_number(fixture, STATES("pending")), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM approval_vote"), 0);
}

/* Each of two groups needs its own. */
static void counts_by_group(void **state)
{
	static const char *const tags[] = { "a", "b" };
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct store *store = fixture->parts.store;
	struct store_by by = fixture->by;
	struct store_new_group groups[] = {
		{ "one", "[\"ann\",\"ben\"]", "[\"a\"]", &tags[0], 1, 2 },
		{ "two", "[\"ben\",\"cyd\"]", "[\"b\"]", &tags[1], 1, 1 },
		{ "else", "[]", "[\"x\"]", (const char *const[]){ "x" }, 1, 9 },
	};
	uint8_t id[16];

	fixture_member(fixture, "ann", "approver");
	fixture_member(fixture, "ben", "approver");
	fixture_member(fixture, "cyd", "approver");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		assert_ok(store_group_create(store, &fixture->by, &groups[i]));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 200);
	fixture_sql(fixture, "UPDATE device SET tags = '[\"a\",\"b\"]'");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	assert_int_equal(store_approval_vote(store, &by, id, VOTE_APPROVE, 0), STORE_NOT_APPROVER);
	by.actor = "cyd";
	assert_ok(store_approval_vote(store, &by, id, VOTE_APPROVE, 0)); /* two is complete */
	by.actor = "ann";
	assert_ok(store_approval_vote(store, &by, id, VOTE_APPROVE, 0));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 503);
	by.actor = "ben";
	assert_ok(store_approval_vote(store, &by, id, VOTE_APPROVE, 0));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 200);
	assert_ok(store_audit_verify(store));
}

/* A yes of who has lost the role since, or is gone, counts no more, also where the group names
 * nobody. */
static void counts_who_still_may(void **state)
{
	static const char *const tags[] = { "a" };
	const struct store_new_group group = { "one", "[]", "[\"a\"]", &tags[0], 1, 2 };
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct store *store = fixture->parts.store;
	struct store_by by = fixture->by;
	uint8_t id[16];

	assert_ok(store_group_create(store, &fixture->by, &group));
	fixture_sql(fixture, "UPDATE device SET tags = '[\"a\"]'");
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, false), 0);
	assert_true(newest(fixture, id));
	by.actor = "ann";
	fixture_member(fixture, "ann", "approver");
	assert_ok(store_approval_vote(store, &by, id, VOTE_APPROVE, 0));
	fixture_member(fixture, "ann", "auditor");
	by.actor = "ben";
	fixture_member(fixture, "ben", "admin");
	assert_ok(store_approval_vote(store, &by, id, VOTE_APPROVE, 0));
	fixture_sql(fixture, "DELETE FROM member WHERE name = 'ben'");
	assert_ok(store_approval_vote(store, &fixture->by, id, VOTE_APPROVE, 0));
	assert_int_equal(fixture_number(fixture, STATES("pending")), 1);
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 503);
	fixture_member(fixture, "ann", "approver"); /* theirs again */
	assert_ok(store_approval_vote(store, &fixture->by, id, VOTE_APPROVE, 0));
	assert_int_equal(ask(fixture, device.device, FIXTURE_FROM, true), 200);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(folds_repeats),	 WITH_FIXTURE(ends_stale_ones),
		WITH_FIXTURE(a_no_wears_off),	 WITH_FIXTURE(a_yes_is_spent_and_ends),
		WITH_FIXTURE(a_quarantine_asks), WITH_FIXTURE(another_organization_decides_nothing),
		WITH_FIXTURE(counts_by_group),	 WITH_FIXTURE(counts_who_still_may),
	};

	return cmocka_run_group_tests_name("server_approvals", tests, NULL, NULL);
}
