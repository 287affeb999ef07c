/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit: the chain shows every kind of tampering; repeated denials fold into counted rows;
 * unknown ids stay bounded; what wasn't committed is due again.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include "tests/unit/server_fixture.h"

#define STORE(state) (((struct fixture *)*(state))->parts.store)

static void add_rows(struct fixture *fixture, int count)
{
	struct store_audit_entry entry = { .event = "test", .detail = "row", .actor = "alice" };

	for (int i = 0; i < count; i++)
		assert_ok(store_audit_note(fixture->parts.store, fixture->by.organization, &entry));
}

static void shows_tampering(void **state)
{
	static const struct {
		const char *sql, *said;
	} rows[] = {
		{ "UPDATE audit SET event = 'other' WHERE lane_seq = 3 AND writer = 'core'",
		  "row 3" },
		{ "UPDATE audit SET time_s = time_s + 1 WHERE lane_seq = 3 AND writer = 'core'",
		  "row 3" },
		{ "UPDATE audit SET detail = 'rox' WHERE lane_seq = 5 AND writer = 'core'",
		  "row 5" },
		{ "UPDATE audit SET count = 2 WHERE lane_seq = 1 AND writer = 'core'", "row 1" },
		{ "UPDATE audit SET actor = 'ali', detail = 'cerow' WHERE lane_seq = 2"
		  " AND writer = 'core'",
		  "row 2" },
		{ "UPDATE audit SET device = zeroblob(16) WHERE lane_seq = 2 AND writer = 'core'",
		  "row 2" },
		{ "UPDATE audit SET hash = zeroblob(32) WHERE lane_seq = 4 AND writer = 'core'",
		  "row 4" },
		{ "DELETE FROM audit WHERE lane_seq = 4 AND writer = 'core'", "missing" },
		{ "DELETE FROM audit WHERE lane_seq = 1 AND writer = 'core'", "missing" },
		{ "UPDATE audit SET writer = 'admin' WHERE lane_seq = 6 AND writer = 'core'",
		  "lane" },
		{ "UPDATE audit SET organization = zeroblob(16) WHERE writer = 'core'", "row 1" },
	};
	struct fixture *fixture = *state;

	add_rows(fixture, 6);
	assert_ok(store_audit_verify(STORE(state)));
	fixture_sql(fixture, "CREATE TABLE kept AS SELECT * FROM audit");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fixture_sql(fixture, rows[i].sql);
		if (store_audit_verify(STORE(state)) != STORE_CONFLICT)
			fail_msg("not seen: %s", rows[i].sql);
		assert_said(rows[i].said);
		fixture_sql(fixture, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
		assert_ok(store_audit_verify(STORE(state)));
	}
}

/* More rows than are read at once: nothing is lost where one page ends and the next begins. */
static void verifies_long_lanes(void **state)
{
	static const char *const harms[] = {
		"UPDATE audit SET detail = 'x' WHERE lane_seq = 5000 AND writer = 'core'",
		"UPDATE audit SET detail = 'x' WHERE lane_seq = 5001 AND writer = 'core'",
		"UPDATE audit SET detail = 'x' WHERE lane_seq = 10001 AND writer = 'core'",
		"DELETE FROM audit WHERE lane_seq = 5000 AND writer = 'core'",
		"DELETE FROM audit WHERE lane_seq = 5001 AND writer = 'core'",
	};
	struct fixture *fixture = *state;
	struct store_audit_entry entry = { .event = "test" };

	assert_ok(store_begin(STORE(state)));
	for (int i = 0; i < 10001; i++)
		assert_ok(store_audit_append(STORE(state), store_system, &entry));
	assert_ok(store_commit(STORE(state)));
	assert_ok(store_audit_verify(STORE(state)));
	fixture_sql(fixture, "CREATE TABLE kept AS SELECT * FROM audit");
	for (size_t i = 0; i < ARRAY_SIZE(harms); i++) {
		fixture_sql(fixture, harms[i]);
		assert_int_equal(store_audit_verify(STORE(state)), STORE_CONFLICT);
		fixture_sql(fixture, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
	}
	assert_ok(store_audit_verify(STORE(state)));
}

static void keeps_lanes_apart(void **state)
{
	struct fixture *fixture = *state;
	struct store_audit_entry entry = { .event = "test" };
	struct store *admin;

	assert_ok(store_open(fixture->config.store, "admin", &admin));
	for (int i = 0; i < 3; i++) {
		assert_ok(store_audit_note(admin, fixture->by.organization, &entry));
		assert_ok(store_audit_note(STORE(state), fixture->by.organization, &entry));
		assert_ok(store_audit_note(STORE(state), store_system, &entry));
	}
	store_close(admin);
	assert_ok(store_audit_verify(STORE(state)));
	assert_int_equal(fixture_number(fixture, "SELECT max(lane_seq) FROM audit"
						 " WHERE writer = 'admin'"),
			 3);
	assert_int_equal(fixture_number(fixture, "SELECT max(lane_seq) FROM audit"
						 " WHERE writer = 'core'"
						 " AND organization = zeroblob(16)"),
			 3);
}

static const uint8_t device[DEVICE_ID_BYTES] = { 7 };

static int deny(struct fixture *fixture, const char *from, const char *reason,
		const uint8_t *organization)
{
	struct source_address source = fixture_source(from);
	struct audit_denial denial = { .event = "unlock-denied",
				       .reason = reason,
				       .organization = organization,
				       .device = device,
				       .source = &source,
				       .detail = "" };

	return audit_denied(fixture->parts.audit, fixture->parts.store, &denial);
}

static void begin(struct fixture *fixture)
{
	assert_ok(store_begin(fixture->parts.store));
}

static void commit(struct fixture *fixture)
{
	assert_ok(core_parts_end(&fixture->parts, 0));
}

static void flush(struct fixture *fixture)
{
	begin(fixture);
	assert_ok(audit_flush(fixture->parts.audit, fixture->parts.store));
	commit(fixture);
}

#define DENIED "SELECT count(*) FROM audit WHERE event = 'unlock-denied'"

static void folds_repeats(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *organization = fixture->by.organization;

	begin(fixture);
	for (int i = 0; i < 5; i++)
		assert_ok(deny(fixture, "192.0.2.1", "source", organization));
	assert_ok(deny(fixture, "192.0.2.2", "source", organization));
	assert_ok(deny(fixture, "192.0.2.1", "disabled", organization));
	assert_ok(deny(fixture, "2001:db8::1", "source", organization));
	assert_ok(deny(fixture, "2001:db8::2", "source", organization)); /* the same /64 */
	commit(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 4);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 6);
	assert_int_equal(fixture_number(fixture, DENIED " AND source = '192.0.2.1' AND count = 4"),
			 1);
	assert_int_equal(fixture_number(fixture, "SELECT sum(count) FROM audit"
						 " WHERE event = 'unlock-denied'"),
			 9);
	flush(fixture); /* nothing new: no row, and everything is forgotten */
	assert_int_equal(fixture_number(fixture, DENIED), 6);
	assert_false(audit_pending(fixture->parts.audit));
	begin(fixture);
	assert_ok(deny(fixture, "192.0.2.1", "source", organization)); /* a first one again */
	commit(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 7);
	assert_ok(store_audit_verify(STORE(state)));
}

static void owes_what_was_rolled_back(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *organization = fixture->by.organization;

	begin(fixture);
	assert_ok(deny(fixture, "192.0.2.1", "source", organization));
	assert_int_equal(core_parts_end(&fixture->parts, -EIO), -EIO);
	assert_int_equal(fixture_number(fixture, DENIED), 0);
	begin(fixture);
	assert_ok(deny(fixture, "192.0.2.1", "source", organization));
	commit(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 1);
	begin(fixture);
	assert_ok(deny(fixture, "192.0.2.1", "source", organization));
	commit(fixture);
	begin(fixture);
	assert_ok(audit_flush(fixture->parts.audit, STORE(state)));
	assert_int_equal(core_parts_end(&fixture->parts, -EIO), -EIO);
	assert_int_equal(fixture_number(fixture, DENIED), 1);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 2);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 2);
}

static void bounds_unknown_ids(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture);
	for (int i = 0; i < 2000; i++) {
		char from[32];

		snprintf(from, sizeof(from), "10.0.%d.%d", i / 250, i % 250);
		assert_ok(deny(fixture, from, "unknown", store_system));
	}
	commit(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 0);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, DENIED), 65);
	assert_int_equal(fixture_number(fixture, "SELECT sum(count) FROM audit"
						 " WHERE event = 'unlock-denied'"),
			 2000);
	assert_int_equal(fixture_number(fixture, DENIED " AND length(device) > 0"), 0);
	flush(fixture);
	flush(fixture);
	begin(fixture);
	assert_ok(deny(fixture, "10.9.9.9", "unknown", store_system)); /* room again */
	commit(fixture);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, DENIED " AND source = '10.9.9.9'"), 1);
}

/* More different denials than the table holds: none gets lost. */
static void survives_a_full_table(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1500; i++) {
			char from[32];

			snprintf(from, sizeof(from), "10.0.%d.%d", i / 250, i % 250);
			assert_ok(deny(fixture, from, "source", fixture->by.organization));
		}
	}
	commit(fixture);
	flush(fixture);
	assert_int_equal(fixture_number(fixture, "SELECT sum(count) FROM audit"
						 " WHERE event = 'unlock-denied'"),
			 3000);
	assert_ok(store_audit_verify(STORE(state)));
}

struct list {
	uint64_t seq[10];
	size_t count;
};

static int take(const struct store_event *row, void *userdata)
{
	struct list *list = userdata;

	if (list->count == ARRAY_SIZE(list->seq))
		return -E2BIG;
	list->seq[list->count++] = row->seq;
	return 0;
}

static void lists_pages(void **state)
{
	struct fixture *fixture = *state;
	struct source_address from = fixture_source("192.0.2.1");
	struct list newest = { .count = 0 }, after = { .count = 0 }, denied = { .count = 0 };

	add_rows(fixture, 5);
	assert_ok(store_audit(STORE(state), fixture->by.organization, 0, 3, take, &newest));
	assert_int_equal(newest.count, 3);
	assert_true(newest.seq[0] > newest.seq[1]);
	assert_ok(store_audit(STORE(state), fixture->by.organization, newest.seq[2], 10, take,
			      &after));
	assert_int_equal(after.count, 2);
	assert_int_equal(after.seq[0], newest.seq[1]);
	begin(fixture);
	assert_ok(deny(fixture, "192.0.2.1", "source", fixture->by.organization));
	assert_ok(deny(fixture, "192.0.2.2", "source", fixture->by.organization));
	commit(fixture);
	assert_ok(store_denials(STORE(state), fixture->by.organization, NULL, NULL, 10, take,
				&denied));
	assert_int_equal(denied.count, 2);
	denied.count = 0;
	assert_ok(store_denials(STORE(state), fixture->by.organization, &from, device, 10, take,
				&denied));
	assert_int_equal(denied.count, 1);
	denied.count = 0;
	assert_ok(store_denials(STORE(state), store_system, NULL, NULL, 10, take, &denied));
	assert_int_equal(denied.count, 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(shows_tampering),		 WITH_FIXTURE(verifies_long_lanes),
		WITH_FIXTURE(keeps_lanes_apart),	 WITH_FIXTURE(folds_repeats),
		WITH_FIXTURE(owes_what_was_rolled_back), WITH_FIXTURE(bounds_unknown_ids),
		WITH_FIXTURE(survives_a_full_table),	 WITH_FIXTURE(lists_pages),
	};

	return cmocka_run_group_tests_name("server_audit", tests, NULL, NULL);
}
