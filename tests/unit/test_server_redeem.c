/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrolling: every outcome of docs/protocol.md, that a refused one changes nothing, that an answer
 * that got lost may be asked for again, and that guessing is slowed for the guesser alone.
 * UNIT_SOURCES: server/core/redeem.c server/cidr.c server/config*.c server/reason.c
 * UNIT_SOURCES: server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/waiver.c
 */
#include "server/core/redeem.h"
#include "tests/unit/server_fixture.h"

#define STORE(state) (((struct fixture *)*(state))->parts.store)

static uint64_t clock_ms = 1000;

static struct message_redeem ask(const char *key, uint8_t nonce, uint8_t fingerprint)
{
	struct message_redeem request = { .hostname = "web1", .platform = "{}" };

	memcpy(request.key, key, sizeof(request.key));
	memset(request.nonce, nonce, sizeof(request.nonce));
	memset(request.fingerprint, fingerprint, sizeof(request.fingerprint));
	return request;
}

static struct message_redeemed redeem_from(void **state, const char *from,
					   const struct message_redeem *request)
{
	struct fixture *fixture = *state;
	struct source_address source = fixture_source(from);
	struct message_redeemed ret = { .status = 0 };

	ret.head.request = 77;
	assert_ok(redeem_serve(&fixture->parts, request, &source, clock_ms, &ret));
	assert_int_equal(ret.head.request, 77);
	return ret;
}

static struct message_redeemed redeem(void **state, const struct message_redeem *request)
{
	return redeem_from(state, FIXTURE_FROM, request);
}

/* A refusal says its code and nothing else. */
static void assert_refused(const struct message_redeemed *got, uint32_t status, const char *code)
{
	static const struct message_redeemed empty;

	assert_int_equal(got->status, status);
	assert_string_equal(got->code, code);
	assert_memory_equal(got->device, empty.device, sizeof(empty.device));
	assert_memory_equal(got->report_token, empty.report_token, sizeof(empty.report_token));
	assert_memory_equal(got->tags, empty.tags, sizeof(empty.tags));
	assert_memory_equal(got->organization, empty.organization, sizeof(empty.organization));
}

#define DEVICES "SELECT count(*) FROM device"
#define USES "SELECT sum(uses) FROM enrollment_key"

static int token_works(void **state, const char *token)
{
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct store_progress progress = {
		.phase = "enroll", .state = "done", .message = "", .waiting = ""
	};

	return store_progress(STORE(state), token, &progress, &source);
}

static void enrolls(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "[\"192.0.2.0/24\"]", "", 1);
	struct message_redeem request = ask(key.key, 1, 1);
	struct message_redeemed got = redeem(state, &request);
	uint64_t now_s;

	assert_ok(store_now(STORE(state), &now_s));
	assert_int_equal(got.status, 201);
	assert_string_equal(got.code, "");
	assert_string_equal(got.organization, "example");
	assert_string_equal(got.tags, "[\"env=test\"]");
	assert_int_equal(strlen(got.thumbprint), 43);
	assert_int_equal(strlen(got.report_token), 43);
	assert_in_range(got.converting_until_s, now_s + REDEEM_CONVERTING_S - 5,
			now_s + REDEEM_CONVERTING_S);
	assert_ok(token_works(state, got.report_token));
	assert_int_equal(fixture_number(fixture, DEVICES), 1);
	assert_int_equal(fixture_number(fixture, USES), 1);
	assert_int_equal(fixture_number(fixture,
					"SELECT count(*) FROM audit"
					" WHERE event = 'enrolled' AND length(device) = 16"),
			 1);
	assert_ok(store_audit_verify(STORE(state)));
}

static void refuses_and_changes_nothing(void **state)
{
	static const struct {
		const char *sql, *from, *code;
		uint32_t status;
	} rows[] = {
		{ "UPDATE enrollment_key SET expires_s = unixepoch()", FIXTURE_FROM, "key-expired",
		  403 },
		{ "UPDATE enrollment_key SET uses = max_uses", FIXTURE_FROM, "key-used-up", 403 },
		{ "UPDATE enrollment_key SET revoked_s = 1", FIXTURE_FROM, "key-revoked", 403 },
		{ "UPDATE enrollment_key SET redeem_from = '[\"10.0.0.0/8\"]'", FIXTURE_FROM,
		  "source-denied", 403 },
		{ "UPDATE enrollment_key SET redeem_from = '[\"192.0.2.0/24\"]'", "2001:db8::1",
		  "source-denied", 403 },
		/* The order when several hold. */
		{ "UPDATE enrollment_key SET revoked_s = 1, expires_s = 1, uses = max_uses,"
		  " redeem_from = '[\"10.0.0.0/8\"]'",
		  FIXTURE_FROM, "key-revoked", 403 },
		{ "UPDATE enrollment_key SET expires_s = 1, uses = max_uses,"
		  " redeem_from = '[\"10.0.0.0/8\"]'",
		  FIXTURE_FROM, "source-denied", 403 },
		{ "UPDATE enrollment_key SET expires_s = 1, uses = max_uses", FIXTURE_FROM,
		  "key-expired", 403 },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message_key_minted key = fixture_key(fixture, "", "", 3);
		struct message_redeem request = ask(key.key, (uint8_t)(i + 1), 1);
		struct message_redeemed got;
		long long uses;

		fixture_sql(fixture, rows[i].sql);
		uses = fixture_number(fixture, USES);
		got = redeem_from(state, rows[i].from, &request);
		assert_refused(&got, rows[i].status, rows[i].code);
		assert_int_equal(fixture_number(fixture, DEVICES), 0);
		assert_int_equal(fixture_number(fixture, USES), uses);
		fixture_sql(fixture, "DELETE FROM enrollment_key");
	}
	assert_true(fixture_number(fixture, "SELECT count(*) FROM audit"
					    " WHERE event = 'enroll-denied'") >= 4);
}

static void refuses_unknown_keys_alike(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 1);
	struct message_redeem request = ask(key.key, 1, 1);
	struct message_redeemed got;

	request.key[11] = request.key[11] == 'A' ? 'B' : 'A'; /* right id, wrong secret */
	got = redeem(state, &request);
	assert_refused(&got, 401, "key-unknown");
	request = ask("ZZZZZZZZZZZZ", 1, 1);
	got = redeem(state, &request);
	assert_refused(&got, 401, "key-unknown");
	request = ask("ABC\0AAAAAAAA", 1, 1);
	got = redeem(state, &request);
	assert_refused(&got, 400, "invalid");
	fixture_sql(fixture, "UPDATE enrollment_key SET revoked_s = 1, expires_s = 1");
	request = ask(key.key, 1, 1);
	request.key[11] = request.key[11] == 'A' ? 'B' : 'A';
	got = redeem(state, &request); /* what is wrong with it is said only to who knows it */
	assert_refused(&got, 401, "key-unknown");
	assert_int_equal(fixture_number(fixture, DEVICES), 0);
}

static void counts_uses(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 2);

	for (uint8_t i = 1; i <= 3; i++) {
		struct message_redeem request = ask(key.key, i, i);
		struct message_redeemed got = redeem(state, &request);

		assert_int_equal(got.status, i <= 2 ? 201 : 403);
	}
	assert_int_equal(fixture_number(fixture, DEVICES), 2);
	/* A used key stays used, whatever becomes of its devices. */
	fixture_sql(fixture, "UPDATE device SET revoked_s = 1");
	struct message_redeem request = ask(key.key, 9, 9);
	struct message_redeemed got = redeem(state, &request);
	assert_refused(&got, 403, "key-used-up");
}

static void repeats_a_lost_answer(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 1);
	struct message_redeem request = ask(key.key, 1, 1);
	struct message_redeemed first = redeem(state, &request), second;

	second = redeem(state, &request); /* used up, by itself */
	assert_int_equal(second.status, 200);
	assert_memory_equal(first.device, second.device, sizeof(first.device));
	assert_string_equal(first.thumbprint, second.thumbprint);
	assert_int_equal(first.converting_until_s, second.converting_until_s);
	assert_string_equal(second.tags, "[\"env=test\"]");
	assert_string_equal(second.organization, "example");
	assert_string_not_equal(first.report_token, second.report_token);
	assert_int_equal(token_works(state, first.report_token), STORE_NOT_FOUND);
	assert_ok(token_works(state, second.report_token));
	fixture_sql(fixture, "UPDATE enrollment_key SET expires_s = 1");
	assert_int_equal(redeem(state, &request).status, 200);
	assert_int_equal(fixture_number(fixture, DEVICES), 1);
	assert_int_equal(fixture_number(fixture, USES), 1);
}

static void smells_clones(void **state)
{
	static const char *const ends[] = {
		"UPDATE device SET created_s = unixepoch() - 3600",
		"UPDATE device SET revoked_s = 1",
		"UPDATE device SET converting_until_s = 0, left_s = 1",
	};
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 9);
	struct message_key_minted other = fixture_key(fixture, "", "", 9);
	struct message_redeem request = ask(key.key, 1, 1);
	struct message_redeemed got = redeem(state, &request);

	assert_int_equal(got.status, 201);
	request = ask(key.key, 1, 2); /* another machine */
	got = redeem(state, &request);
	assert_refused(&got, 409, "clone");
	request = ask(other.key, 1, 1); /* another key */
	got = redeem(state, &request);
	assert_refused(&got, 409, "clone");
	request = ask(key.key, 1, 1);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		fixture_sql(fixture, "UPDATE device SET created_s = unixepoch(), revoked_s = 0,"
				     " left_s = 0, converting_until_s = unixepoch() + 100");
		assert_int_equal(redeem(state, &request).status, 200);
		fixture_sql(fixture, ends[i]);
		got = redeem(state, &request);
		assert_refused(&got, 409, "clone");
	}
	assert_int_equal(fixture_number(fixture, DEVICES), 1);
	assert_int_equal(fixture_number(fixture, USES), 1);
}

static void slows_guessing(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 9);
	struct message_redeem wrong = ask("ZZZZZZZZZZZZ", 1, 1), right = ask(key.key, 1, 1);
	struct message_redeemed got;
	int tries;

	for (tries = 0; tries < 20; tries++) {
		got = redeem_from(state, "192.0.2.66", &wrong);
		if (got.status == 429)
			break;
		assert_int_equal(got.status, 401);
	}
	assert_int_equal(tries, 5);
	assert_refused(&got, 429, "slow-down");
	got = redeem_from(state, "192.0.2.66", &right); /* not even with the right one */
	assert_refused(&got, 429, "slow-down");
	assert_int_equal(redeem_from(state, "192.0.2.67", &right).status, 201); /* others can */
	clock_ms += 1001;
	got = redeem_from(state, "192.0.2.66", &wrong);
	assert_refused(&got, 401, "key-unknown");
	clock_ms += 1001; /* the second pause is longer */
	got = redeem_from(state, "192.0.2.66", &wrong);
	assert_refused(&got, 429, "slow-down");
	clock_ms += 4000 * 1000;
	right = ask(key.key, 2, 2);
	assert_int_equal(redeem_from(state, "192.0.2.66", &right).status, 201);
}

/* The store can't be written: 503, and neither a device nor a used key is left. */
static void enrolls_whole_or_not_at_all(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 1);
	struct message_redeem request = ask(key.key, 1, 1);
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_redeemed got = { .status = 0 };

	fixture_room(fixture, false);
	assert_true(redeem_serve(&fixture->parts, &request, &source, clock_ms, &got) < 0);
	fixture_room(fixture, true);
	assert_refused(&got, 503, "unavailable");
	assert_int_equal(fixture_number(fixture, DEVICES), 0);
	assert_int_equal(fixture_number(fixture, USES), 0);
	assert_int_equal(redeem(state, &request).status, 201);
	assert_ok(store_audit_verify(STORE(state)));
}

static void cleans_names(void **state)
{
	struct fixture *fixture = *state;
	struct message_key_minted key = fixture_key(fixture, "", "", 9);
	struct message_redeem request = ask(key.key, 1, 1);

	strcpy(request.hostname, "a\x1b[31m\nb\x7f");
	assert_int_equal(redeem(state, &request).status, 201);
	assert_int_equal(fixture_number(fixture, DEVICES " WHERE name = 'a?[31m?b?'"), 1);
	request = ask(key.key, 2, 2);
	request.hostname[0] = '\0';
	assert_int_equal(redeem(state, &request).status, 201);
	assert_int_equal(fixture_number(fixture, DEVICES " WHERE name = 'unnamed'"), 1);
}

static void mints_sensibly(void **state)
{
	static const struct {
		const char *allow_from, *redeem_from;
		uint64_t max_uses, expires_in_s;
	} rows[] = {
		{ "", "", 0, 60 },
		{ "", "", MINT_USES_MAX + 1, 60 },
		{ "", "", 1, 0 },
		{ "", "", 1, MINT_EXPIRES_MAX_S + 1 },
		{ "[\"10.0.0.1/8\"]", "", 1, 60 },
		{ "", "[\"x\"]", 1, 60 },
	};
	struct fixture *fixture = *state;
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_mint device = { .name = "x", .tags = "[]" };
	struct message_redeemed made = { .status = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message_mint_key request = { .networks = "[]",
						    .approval = "none",
						    .max_uses = rows[i].max_uses,
						    .expires_in_s = rows[i].expires_in_s };
		struct message_key_minted got = { .status = 0 };

		memcpy(request.organization, fixture->by.organization, 16);
		strcpy(request.allow_from, rows[i].allow_from);
		strcpy(request.redeem_from, rows[i].redeem_from);
		assert_ok(mint_key(&fixture->parts, &request, &source, &got));
		assert_int_equal(got.status, 400);
		assert_string_equal(got.key, "");
	}
	memcpy(device.organization, fixture->by.organization, 16);
	assert_ok(mint_device(&fixture->parts, &device, &source, &made)); /* no addresses */
	assert_int_equal(made.status, 400);
	strcpy(device.allow_from, "[\"10.0.0.0/8\"]");
	device.organization[0] ^= 1;
	assert_true(mint_device(&fixture->parts, &device, &source, &made) < 0);
	assert_int_equal(made.status, 503);
	assert_int_equal(fixture_number(fixture, DEVICES), 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(enrolls),
		WITH_FIXTURE(refuses_and_changes_nothing),
		WITH_FIXTURE(refuses_unknown_keys_alike),
		WITH_FIXTURE(counts_uses),
		WITH_FIXTURE(repeats_a_lost_answer),
		WITH_FIXTURE(smells_clones),
		WITH_FIXTURE(slows_guessing),
		WITH_FIXTURE(enrolls_whole_or_not_at_all),
		WITH_FIXTURE(cleans_names),
		WITH_FIXTURE(mints_sensibly),
	};

	return cmocka_run_group_tests_name("server_redeem", tests, NULL, NULL);
}
