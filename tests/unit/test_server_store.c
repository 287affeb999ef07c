/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store's calls: tenants don't see each other, states change as the page says, tokens end when
 * they should, a busy or unwritable store says so.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include "tests/unit/server_fixture.h"

#define STORE(state) (((struct fixture *)*(state))->parts.store)

static const uint8_t stranger[ORGANIZATION_ID_BYTES] = { 1, 2, 3 };

static int count_key(const struct store_enrollment_key *row, void *userdata)
{
	assert_int_equal(strlen(row->id), 4);
	(*(int *)userdata)++;
	return 0;
}

struct seen {
	int count;
	char state[16], registered[200], evidence[200], phase[32];
	uint64_t converting_until_s;
	bool native;
};

static int see_device(const struct store_device *row, void *userdata)
{
	struct seen *seen = userdata;

	seen->count++;
	snprintf(seen->state, sizeof(seen->state), "%s", row->state);
	snprintf(seen->registered, sizeof(seen->registered), "%s", row->registered_addresses);
	snprintf(seen->evidence, sizeof(seen->evidence), "%s", row->evidence);
	snprintf(seen->phase, sizeof(seen->phase), "%s", row->phase);
	seen->converting_until_s = row->converting_until_s;
	seen->native = row->native_boot_seen;
	return 0;
}

static const char *state_of(struct fixture *fixture, const uint8_t *device)
{
	static struct seen seen;

	seen = (struct seen){ .count = 0 };
	assert_ok(store_device(fixture->parts.store, fixture->by.organization, device, see_device,
			       &seen));
	assert_int_equal(seen.count, 1);
	return seen.state;
}

static void keeps_tenants_apart(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 1);
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct store_by other = { .actor = "mallory" };
	struct seen seen = { .count = 0 };
	char id[ENROLLMENT_ID_SIZE] = "";
	int keys = 0;

	memcpy(id, key.key, 4);
	memcpy(other.organization, stranger, sizeof(stranger));
	assert_ok(store_enrollment_keys(STORE(state), stranger, count_key, &keys));
	assert_ok(store_devices(STORE(state), stranger, see_device, &seen));
	assert_int_equal(keys, 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(store_enrollment_key(STORE(state), stranger, id, count_key, &keys),
			 STORE_NOT_FOUND);
	assert_int_equal(store_device(STORE(state), stranger, device.device, see_device, &seen),
			 STORE_NOT_FOUND);
	assert_int_equal(store_enrollment_key_revoke(STORE(state), &other, id), STORE_NOT_FOUND);
	assert_int_equal(store_device_change(STORE(state), &other, device.device, DEVICE_REVOKE),
			 STORE_NOT_FOUND);
	assert_string_equal(state_of(fixture, device.device), "active");
	assert_ok(store_enrollment_keys(STORE(state), fixture->by.organization, count_key, &keys));
	assert_int_equal(keys, 1);
}

static void knows_tokens(void **state)
{
	struct fixture *fixture = *state;
	struct store_user user;
	char token[TOKEN_TEXT_SIZE], wrong[TOKEN_TEXT_SIZE];

	assert_int_equal(store_token_create(STORE(state), &fixture->by, "nobody", 60, token),
			 STORE_NOT_FOUND);
	assert_ok(store_token_create(STORE(state), &fixture->by, "alice", 60, token));
	assert_int_equal(strlen(token), 43);
	assert_ok(store_token_user(STORE(state), token, &user));
	assert_string_equal(user.name, "alice");
	assert_string_equal(user.organization_name, "example");
	assert_string_equal(store_role_name(user.role), "owner");
	assert_memory_equal(user.organization, fixture->by.organization, 16);
	strcpy(wrong, token);
	wrong[42] = wrong[42] == 'A' ? 'B' : 'A';
	assert_int_equal(store_token_user(STORE(state), wrong, &user), STORE_NOT_FOUND);
	assert_int_equal(store_token_user(STORE(state), "", &user), STORE_NOT_FOUND);
	assert_int_equal(store_token_user(STORE(state), "short", &user), STORE_NOT_FOUND);
	fixture_sql(fixture, "UPDATE api_token SET expires_s = unixepoch()");
	assert_int_equal(store_token_user(STORE(state), token, &user), STORE_NOT_FOUND);
	fixture_sql(fixture, "UPDATE api_token SET expires_s = unixepoch() + 60, revoked_s = 1");
	assert_int_equal(store_token_user(STORE(state), token, &user), STORE_NOT_FOUND);
	/* The text itself is nowhere; the same search finds what is there. */
	assert_false(fixture_holds(fixture, token, strlen(token)));
	assert_true(fixture_holds(fixture, "alice", strlen("alice")));
}

/* Every change in every state: docs/server-states.md, second table. */
static void changes_states(void **state)
{
	static const struct {
		const char *sql, *from;
		enum store_device_change change;
		int wanted;
		const char *to;
	} rows[] = {
		{ "disabled = 0", "active", DEVICE_DISABLE, 0, "disabled" },
		{ "disabled = 0", "active", DEVICE_ENABLE, STORE_CONFLICT, "active" },
		{ "disabled = 0", "active", DEVICE_REVOKE, 0, "revoked" },
		{ "converting_until_s = unixepoch() + 60", "converting", DEVICE_DISABLE, 0,
		  "disabled" },
		{ "converting_until_s = unixepoch() + 60", "converting", DEVICE_ENABLE,
		  STORE_CONFLICT, "converting" },
		{ "converting_until_s = unixepoch() + 60", "converting", DEVICE_REVOKE, 0,
		  "revoked" },
		{ "converting_until_s = unixepoch() - 1", "active", DEVICE_DISABLE, 0, "disabled" },
		{ "disabled = 1", "disabled", DEVICE_DISABLE, STORE_CONFLICT, "disabled" },
		{ "disabled = 1", "disabled", DEVICE_ENABLE, 0, "active" },
		{ "disabled = 1, converting_until_s = unixepoch() + 60", "disabled", DEVICE_ENABLE,
		  0, "converting" },
		{ "disabled = 1", "disabled", DEVICE_REVOKE, 0, "revoked" },
		{ "revoked_s = 5", "revoked", DEVICE_DISABLE, STORE_CONFLICT, "revoked" },
		{ "revoked_s = 5", "revoked", DEVICE_ENABLE, STORE_CONFLICT, "revoked" },
		{ "revoked_s = 5, disabled = 1", "revoked", DEVICE_ENABLE, STORE_CONFLICT,
		  "revoked" },
		{ "revoked_s = 5", "revoked", DEVICE_REVOKE, STORE_CONFLICT, "revoked" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.7\"]");
		long long events = fixture_number(fixture, "SELECT count(*) FROM audit");
		char hex[33], sql[300];
		int r;

		for (int byte = 0; byte < DEVICE_ID_BYTES; byte++)
			snprintf(hex + 2 * byte, 3, "%02x", device.device[byte]);
		snprintf(sql, sizeof(sql), "UPDATE device SET %s WHERE id = x'%s'", rows[i].sql,
			 hex);
		fixture_sql(fixture, sql);
		assert_string_equal(state_of(fixture, device.device), rows[i].from);
		r = store_device_change(STORE(state), &fixture->by, device.device, rows[i].change);
		if (r != rows[i].wanted)
			fail_msg("row %zu: %d", i, r);
		assert_string_equal(state_of(fixture, device.device), rows[i].to);
		assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"),
				 events + (r == 0 ? 1 : 0));
	}
	assert_ok(store_audit_verify(STORE(state)));
}

static void revokes_keys_twice(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 1);
	long long events;

	key.key[4] = '\0';
	assert_ok(store_enrollment_key_revoke(STORE(state), &fixture->by, key.key));
	events = fixture_number(fixture, "SELECT count(*) FROM audit");
	assert_ok(store_enrollment_key_revoke(STORE(state), &fixture->by, key.key));
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"), events);
	assert_int_equal(store_enrollment_key_revoke(STORE(state), &fixture->by, "ZZZZ"),
			 STORE_NOT_FOUND);
	assert_int_equal(store_enrollment_key_revoke(STORE(state), &fixture->by, ""),
			 STORE_NOT_FOUND);
}

/* Gives the device a report token and a window. */
static void make_converting(struct fixture *fixture, const char *token)
{
	uint8_t hash[32];
	char sql[200], hex[65];

	assert_ok(sha256(token, strlen(token), hash));
	for (int byte = 0; byte < 32; byte++)
		snprintf(hex + 2 * byte, 3, "%02x", hash[byte]);
	snprintf(sql, sizeof(sql),
		 "UPDATE device SET report_hash = x'%s', left_s = 0,"
		 " converting_until_s = unixepoch() + 60",
		 hex);
	fixture_sql(fixture, sql);
}

static const char report_token[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq";

static int report(void **state, const char *phase, const char *result)
{
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct store_progress progress = {
		.phase = phase, .state = result, .message = "", .waiting = "", .boot = 1
	};

	return store_progress(STORE(state), report_token, &progress, &source);
}

static void takes_reports_until_leave(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.7\"]");
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct seen seen = { .count = 0 };

	assert_int_equal(report(state, "encrypt", "running"), STORE_NOT_FOUND);
	make_converting(fixture, report_token);
	assert_string_equal(state_of(fixture, device.device), "converting");
	assert_ok(report(state, "encrypt", "running"));
	assert_ok(report(state, "encrypt", "running"));
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"
						 " WHERE event = 'device-phase'"),
			 1);
	assert_ok(store_evidence(STORE(state), report_token, "{\"a\":1}", &source));
	assert_ok(store_device(STORE(state), fixture->by.organization, device.device, see_device,
			       &seen));
	assert_string_equal(seen.evidence, "{\"a\":1}");
	assert_string_equal(seen.phase, "encrypt");
	assert_ok(report(state, "leave", "running"));
	assert_string_equal(state_of(fixture, device.device), "converting");
	assert_ok(report(state, "leave", "done"));
	assert_string_equal(state_of(fixture, device.device), "active");
	assert_int_equal(report(state, "leave", "done"), STORE_NOT_FOUND);
	assert_int_equal(store_evidence(STORE(state), report_token, "{}", &source),
			 STORE_NOT_FOUND);
	assert_ok(store_audit_verify(STORE(state)));
}

static void ends_report_tokens(void **state)
{
	static const char *const ends[] = {
		"UPDATE device SET revoked_s = 5",
		"UPDATE device SET converting_until_s = unixepoch()",
		"UPDATE device SET report_hash = NULL",
	};
	struct fixture *fixture = *state;

	fixture_device(fixture, "[\"192.0.2.7\"]");
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		fixture_sql(fixture, "UPDATE device SET revoked_s = 0");
		make_converting(fixture, report_token);
		assert_ok(report(state, "encrypt", "running"));
		fixture_sql(fixture, ends[i]);
		assert_int_equal(report(state, "encrypt", "running"), STORE_NOT_FOUND);
	}
	make_converting(fixture, report_token);
	fixture_sql(fixture, "UPDATE device SET revoked_s = 0, disabled = 1");
	assert_ok(report(state, "encrypt", "running"));
}

static void gives_up_when_busy(void **state)
{
	struct fixture *fixture = *state;
	struct store *other;

	assert_ok(store_open(fixture->config.store, "admin", &other));
	assert_ok(store_begin(other));
	assert_int_equal(store_begin(STORE(state)), -EBUSY);
	assert_said("another process");
	store_rollback(other);
	assert_ok(store_begin(STORE(state)));
	assert_ok(store_commit(STORE(state)));
	store_close(other);
}

/* No room for the next page: the call fails with a sentence, nothing half is left. */
static void fails_clean_without_room(void **state)
{
	struct fixture *fixture = *state;
	struct store_audit_entry entry = { .event = "test" };
	long long before = fixture_number(fixture, "SELECT count(*) FROM audit");
	int r;

	fixture_room(fixture, false);
	r = store_audit_note(STORE(state), fixture->by.organization, &entry);
	fixture_room(fixture, true);
	assert_true(r == -EIO || r == -ENOSPC);
	assert_true(strlen(fail_text()) > 10);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM audit"), before);
	assert_ok(store_audit_note(STORE(state), fixture->by.organization, &entry));
	assert_ok(store_audit_verify(STORE(state)));
}

static void refuses_other_files(void **state)
{
	struct fixture *fixture = *state;
	char path[CONFIG_PATH_SIZE];
	struct store *store = NULL;
	FILE *file;

	fixture_path(fixture, CONFIG_FILE_STORE, path);
	assert_int_equal(store_create(path, "init", &store), -EEXIST);
	fixture_sql(fixture, "PRAGMA user_version = 99");
	assert_int_equal(store_open(path, "core", &store), -EINVAL);
	assert_said("newer panocryptd");
	fixture_path(fixture, CONFIG_FILE_LEAF, path);
	assert_int_equal(store_open(path, "core", &store), -ENOENT);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", file);
	fclose(file);
	assert_int_equal(store_open(path, "core", &store), -EIO);
	assert_said("damaged");
	assert_null(store);
}

static void makes_private_files(void **state)
{
	struct fixture *fixture = *state;
	char path[CONFIG_PATH_SIZE];
	struct stat info;

	fixture_path(fixture, CONFIG_FILE_STORE, path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	strcat(path, "-wal");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	fixture_path(fixture, CONFIG_FILE_KEK, path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(info.st_size, KEK_BYTES);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(keeps_tenants_apart),
		WITH_FIXTURE(knows_tokens),
		WITH_FIXTURE(changes_states),
		WITH_FIXTURE(revokes_keys_twice),
		WITH_FIXTURE(takes_reports_until_leave),
		WITH_FIXTURE(ends_report_tokens),
		WITH_FIXTURE(gives_up_when_busy),
		WITH_FIXTURE(fails_clean_without_room),
	};
	/* What can happen to the store's files. */
	const struct CMUnitTest file_tests[] = {
		WITH_FIXTURE(refuses_other_files),
		WITH_FIXTURE(makes_private_files),
	};
	int failed;

	failed = postgres_url() ? 0
				: cmocka_run_group_tests_name("server_store_files", file_tests,
							      NULL, NULL);
	return failed + cmocka_run_group_tests_name("server_store", tests, NULL, NULL);
}
