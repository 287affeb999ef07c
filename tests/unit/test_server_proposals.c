/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes that a quorum must agree to: which are made at once, whose yes counts, and that a
 * proposal serves once, for what it is about.
 * UNIT_SOURCES: server/config*.c server/rate.c server/reason.c server/waiver.c server/cidr.c
 * UNIT_SOURCES: server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c
 */
#include "common/strbuf.h"
#include "server/store/store_policy.h"
#include "server/store/store_proposals.h"
#include "tests/unit/server_fixture.h"

#define STATES(state) "SELECT count(*) FROM proposal WHERE state = '" state "'"
#define AUDITED(event) "SELECT count(*) FROM audit WHERE event = '" event "'"

static struct store_by person(const struct fixture *fixture, const char *name)
{
	struct store_by by = fixture->by;

	by.actor = name;
	return by;
}

/* A group over "env=test" whose approvers are bob, carol and dave. */
static struct store_new_group group_of(uint64_t quorum)
{
	static const char *const tags[] = { "env=test" };

	return (struct store_new_group){ .name = "prod",
					 .tags = "[\"env=test\"]",
					 .tag_texts = tags,
					 .tag_count = 1,
					 .approvers = "[\"bob\",\"carol\",\"dave\"]",
					 .quorum = quorum };
}

static struct message_redeemed grouped_device(struct fixture *fixture, uint64_t quorum)
{
	struct store_new_group group = group_of(quorum);
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");

	fixture_member(fixture, "bob", "approver");
	fixture_member(fixture, "carol", "admin");
	fixture_member(fixture, "dave", "owner");
	fixture_sql(fixture, "UPDATE device SET tags = '[\"env=test\"]'");
	assert_ok(store_group_create(fixture->parts.store, &fixture->by, &group));
	return device;
}

static void propose(struct fixture *fixture, const char *name,
		    const struct message_redeemed *device, uint8_t ret[static 16])
{
	struct store_by by = person(fixture, name);
	char hex[33];
	struct store_new_proposal new = {
		.subject = SUBJECT_DEVICE, .name = hex, .path = "/v1/devices/x/set", .body = "{}"
	};

	text_hex(hex, device->device, DEVICE_ID_BYTES);
	assert_ok(store_proposal_make(fixture->parts.store, &by, &new, ret));
}

static int vote(struct fixture *fixture, const char *name, const uint8_t *id, bool agrees,
		bool *ret_complete)
{
	struct store_by by = person(fixture, name);

	return store_proposal_vote(fixture->parts.store, &by, id, agrees, ret_complete);
}

/* Opens the device to an address, by a proposal or without. */
static int weaken(struct fixture *fixture, const struct message_redeemed *device,
		  const uint8_t *proposal)
{
	struct store_device_policy policy = { .allow_from = "[\"198.51.100.0/24\"]" };
	struct store_by by = person(fixture, "carol");

	by.proposal = proposal;
	return store_device_set(fixture->parts.store, &by, device->device, &policy);
}

static bool is_weak(const struct fixture *fixture)
{
	return fixture_number(fixture, "SELECT count(*) FROM device WHERE allow_from LIKE"
				       " '%198.51.100.0%'") == 1;
}

static void one_is_enough_without_a_quorum(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 1);

	assert_ok(weaken(fixture, &device, NULL));
	assert_true(is_weak(fixture));
}

/* The table of docs/server-states.md: what waits, and what doesn't. */
static void weakening_waits(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture->parts.store;
	struct message_redeemed device = grouped_device(fixture, 2);
	struct store_new_group group = group_of(1);
	uint64_t seconds = 0;
	bool denies = false;
	const struct {
		struct store_device_policy policy;
		int outcome;
	} rows[] = {
		{ { .name = "other" }, 0 },
		{ { .environment = "live", .workload = "db" }, 0 },
		{ { .tags = "[]" }, STORE_NEEDS_QUORUM },
		{ { .allow_from = "[\"0.0.0.0/0\"]" }, STORE_NEEDS_QUORUM },
		{ { .networks = "[]" }, STORE_NEEDS_QUORUM },
		{ { .approval = "none" }, STORE_NEEDS_QUORUM },
		{ { .absence_s = &seconds }, STORE_NEEDS_QUORUM },
		{ { .absence_denies = &denies }, STORE_NEEDS_QUORUM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = store_device_set(store, &fixture->by, device.device, &rows[i].policy);

		if (r != rows[i].outcome)
			fail_msg("row %zu: %d", i, r);
	}
	assert_ok(store_device_change(store, &fixture->by, device.device, DEVICE_DISABLE));
	assert_int_equal(store_device_change(store, &fixture->by, device.device, DEVICE_ENABLE),
			 STORE_NEEDS_QUORUM);
	assert_int_equal(store_group_change(store, &fixture->by, &group), STORE_NEEDS_QUORUM);
	assert_int_equal(store_group_delete(store, &fixture->by, "prod"), STORE_NEEDS_QUORUM);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM approval_group"
						 " WHERE quorum = 2"),
			 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM device WHERE"
						 " allow_from LIKE '%0.0.0.0%'"),
			 0);
}

static void others_must_agree(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 2);
	bool is_complete;
	uint8_t id[16];

	propose(fixture, "bob", &device, id);
	assert_int_equal(vote(fixture, "bob", id, true, &is_complete), STORE_NOT_APPROVER);
	assert_int_equal(vote(fixture, "eve", id, true, &is_complete), STORE_NOT_APPROVER);
	assert_ok(vote(fixture, "dave", id, true, &is_complete));
	assert_false(is_complete);
	assert_ok(vote(fixture, "dave", id, true, &is_complete)); /* twice is once */
	assert_false(is_complete);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
	assert_ok(vote(fixture, "carol", id, true, &is_complete));
	assert_true(is_complete);
	assert_false(is_weak(fixture)); /* the votes alone change nothing */
	assert_ok(weaken(fixture, &device, id));
	assert_true(is_weak(fixture));
	assert_int_equal(fixture_number(fixture, AUDITED("proposal-agreed")), 1);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM); /* used up */
}

/* Votes of who isn't an approver any more don't count in the transaction of the change. */
static void counts_once_more(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 2);
	bool is_complete;
	uint8_t id[16];

	propose(fixture, "alice", &device, id);
	assert_ok(vote(fixture, "bob", id, true, &is_complete));
	assert_ok(vote(fixture, "carol", id, true, &is_complete));
	assert_true(is_complete);
	fixture_sql(fixture, "UPDATE approval_group SET approvers = '[\"carol\",\"dave\"]'");
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
	assert_int_equal(fixture_number(fixture, STATES("pending")), 1);
	assert_ok(vote(fixture, "dave", id, true, &is_complete));
	assert_true(is_complete);
	assert_ok(weaken(fixture, &device, id));
}

static int take_votes(const struct store_proposal *row, void *userdata)
{
	uint64_t *votes = userdata;

	*votes = row->votes;
	return 0;
}

static uint64_t votes_shown(struct fixture *fixture, const uint8_t *id)
{
	uint64_t votes = UINT64_MAX;

	assert_ok(store_proposal(fixture->parts.store, fixture->by.organization, id, take_votes,
				 &votes));
	return votes;
}

/* Nor do those of who has lost the role, or is gone, where the group names nobody and where it
 * does. */
static void counts_who_still_may(void **state)
{
	static const char *const approvers[] = { "[]", "[\"bob\",\"carol\",\"dave\"]" };
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 2);
	bool is_complete;
	uint8_t id[16];

	for (size_t i = 0; i < ARRAY_SIZE(approvers); i++) {
		char sql[128];

		snprintf(sql, sizeof(sql), "UPDATE approval_group SET approvers = '%s'",
			 approvers[i]);
		fixture_sql(fixture, sql);
		fixture_sql(fixture, "UPDATE proposal SET until_s = 1");
		propose(fixture, "alice", &device, id);
		assert_ok(vote(fixture, "bob", id, true, &is_complete));
		fixture_member(fixture, "bob", "auditor");
		assert_int_equal(votes_shown(fixture, id), 0);
		assert_ok(vote(fixture, "carol", id, true, &is_complete));
		assert_false(is_complete);
		assert_ok(vote(fixture, "dave", id, true, &is_complete));
		assert_true(is_complete);
		fixture_sql(fixture, "DELETE FROM member WHERE name = 'dave'");
		assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
		assert_int_equal(votes_shown(fixture, id), 1);
		fixture_member(fixture, "dave", "approver");
		fixture_member(fixture, "bob", "approver");
	}
	assert_false(is_weak(fixture));
	assert_ok(weaken(fixture, &device, id));
}

/* Agreed for one device, it opens no other; nor after its week, nor after a no. */
static void serves_for_its_own_subject(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed first = grouped_device(fixture, 2);
	struct message_redeemed second = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	bool is_complete;
	uint8_t id[16];

	fixture_sql(fixture, "UPDATE device SET tags = '[\"env=test\"]'");
	propose(fixture, "alice", &first, id);
	assert_ok(vote(fixture, "bob", id, true, &is_complete));
	assert_ok(vote(fixture, "carol", id, true, &is_complete));
	assert_int_equal(weaken(fixture, &second, id), STORE_NEEDS_QUORUM);
	fixture_sql(fixture, "UPDATE proposal SET until_s = 1");
	assert_int_equal(weaken(fixture, &first, id), STORE_NEEDS_QUORUM);
	assert_int_equal(vote(fixture, "dave", id, true, &is_complete), STORE_CONFLICT);
	propose(fixture, "alice", &first, id);
	assert_ok(vote(fixture, "alice", id, false, &is_complete)); /* taken back */
	assert_int_equal(weaken(fixture, &first, id), STORE_NEEDS_QUORUM);
	assert_int_equal(vote(fixture, "bob", id, true, &is_complete), STORE_CONFLICT);
	assert_false(is_weak(fixture));
}

static void keeps_the_authorizer(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture->parts.store;
	const struct store_authorizer authorizer = {
		.url = "https://a.example/", .curve = "P-256", .x = "AA", .y = "AA"
	};

	assert_ok(store_authorizer_set(store, &fixture->by, &authorizer, "first"));
	assert_ok(store_authorizer_set(store, &fixture->by, &authorizer, "no group yet"));
	(void)grouped_device(fixture, 2);
	assert_int_equal(store_authorizer_set(store, &fixture->by, &authorizer, "other"),
			 STORE_NEEDS_QUORUM);
	assert_int_equal(store_authorizer_remove(store, &fixture->by), STORE_NEEDS_QUORUM);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM authorizer"), 1);
	fixture_sql(fixture, "UPDATE device SET revoked_s = 1");
	assert_ok(store_authorizer_remove(store, &fixture->by)); /* of no living device */
	assert_ok(store_authorizer_set(store, &fixture->by, &authorizer, "first again"));
}

static void age(struct fixture *fixture)
{
	fixture_sql(fixture, "UPDATE proposal SET created_s = created_s - 3600");
}

/* Where each group says so, time stands for its votes; who proposed it has it made. */
static void time_may_stand_for_votes(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 2);
	bool is_complete;
	uint8_t id[16];

	propose(fixture, "alice", &device, id);
	age(fixture);
	assert_int_equal(vote(fixture, "alice", id, true, &is_complete), STORE_NOT_APPROVER);
	fixture_sql(fixture, "UPDATE approval_group SET change_delay_s = 7200");
	assert_int_equal(vote(fixture, "alice", id, true, &is_complete), STORE_NOT_APPROVER);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
	age(fixture);
	assert_int_equal(weaken(fixture, &device, NULL), STORE_NEEDS_QUORUM);
	assert_int_equal(vote(fixture, "eve", id, true, &is_complete), STORE_NOT_APPROVER);
	assert_ok(vote(fixture, "alice", id, true, &is_complete));
	assert_true(is_complete);
	assert_ok(weaken(fixture, &device, id));
	assert_int_equal(fixture_number(fixture, AUDITED("proposal-due")), 1);
	assert_int_equal(fixture_number(fixture, AUDITED("proposal-agreed")), 0);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM); /* once */
}

/* One group's delay is no other's, and a no is one for ever. */
static void time_stands_for_its_group_alone(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = grouped_device(fixture, 2);
	struct store_new_group second = group_of(2);
	bool is_complete;
	uint8_t id[16];

	second.name = "second";
	assert_ok(store_group_create(fixture->parts.store, &fixture->by, &second));
	fixture_sql(fixture, "UPDATE approval_group SET change_delay_s = 3600 WHERE name = 'prod'");
	propose(fixture, "alice", &device, id);
	assert_int_equal(fixture_number(fixture, "SELECT due_s FROM proposal"), 0);
	age(fixture);
	assert_int_equal(vote(fixture, "alice", id, true, &is_complete), STORE_NOT_APPROVER);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
	fixture_sql(fixture, "UPDATE approval_group SET change_delay_s = 3600");
	assert_ok(vote(fixture, "bob", id, false, &is_complete));
	assert_int_equal(vote(fixture, "alice", id, true, &is_complete), STORE_CONFLICT);
	assert_int_equal(weaken(fixture, &device, id), STORE_NEEDS_QUORUM);
	assert_false(is_weak(fixture));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(one_is_enough_without_a_quorum),
		WITH_FIXTURE(weakening_waits),
		WITH_FIXTURE(others_must_agree),
		WITH_FIXTURE(counts_once_more),
		WITH_FIXTURE(counts_who_still_may),
		WITH_FIXTURE(serves_for_its_own_subject),
		WITH_FIXTURE(keeps_the_authorizer),
		WITH_FIXTURE(time_may_stand_for_votes),
		WITH_FIXTURE(time_stands_for_its_group_alone),
	};

	return cmocka_run_group_tests_name("server_proposals", tests, NULL, NULL);
}
