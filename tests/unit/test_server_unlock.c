/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch of exchanges: what is answered, what is audited, and that nothing leaves without its row
 * or after a revocation.
 * UNIT_SOURCES: server/core/unlock*.c server/core/decide.c server/cidr.c server/config*.c
 * UNIT_SOURCES: server/core/reboot.c
 * UNIT_SOURCES: server/reason.c server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/core/facts.c server/waiver.c
 * UNIT_SOURCES: server/authorizer.c
 */
#include "server/core/unlock.h"
#include "tests/unit/server_fixture.h"

#define STORE(state) (((struct fixture *)*(state))->parts.store)
#define ALLOWED "SELECT count(*) FROM audit WHERE event = 'unlock-allowed'"
#define DENIED "SELECT coalesce(sum(count), 0) FROM audit WHERE event = 'unlock-denied'"

struct answers {
	size_t count;
	struct fixture *fixture;
	long long allowed_rows_at_first; /* in the store when the first answer came */
	const char *sql_at_first;	 /* run when the first answer comes */
};

static void take(const struct unlock_item *item UNUSED, void *userdata)
{
	struct answers *answers = userdata;

	if (answers->count++ > 0)
		return;
	answers->allowed_rows_at_first = fixture_number(answers->fixture, ALLOWED);
	if (answers->sql_at_first)
		fixture_sql(answers->fixture, answers->sql_at_first);
}

/* An exchange request for a device: a random point. */
static struct unlock_item ask(struct fixture *fixture, const uint8_t *device, const char *from)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	struct unlock_item item = { .source = fixture_source(from), .now_ms = 1 };
	struct exchange_point point;
	struct store_key key;

	item.request.curve = MESSAGE_CURVE_P521;
	memcpy(item.request.device, device, DEVICE_ID_BYTES);
	if (store_key(fixture->parts.store, device, NULL, &key) == 0)
		strcpy(item.request.thumbprint, key.exchange_thumbprint);
	assert_ok(exchange_generate(fixture->parts.exchange, &scalar));
	assert_ok(exchange_public(fixture->parts.exchange, scalar.data, &point));
	memcpy(item.request.x, point.x, sizeof(point.x));
	memcpy(item.request.y, point.y, sizeof(point.y));
	item.request.head.connection = 5;
	item.request.head.request = 6;
	return item;
}

static uint32_t serve_one(struct fixture *fixture, struct unlock_item *item)
{
	struct answers answers = { .fixture = fixture };

	assert_ok(unlock_serve(&fixture->parts, item, 1, take, &answers));
	assert_int_equal(answers.count, 1);
	assert_int_equal(item->answer.head.connection, 5);
	assert_int_equal(item->answer.head.request, 6);
	return item->answer.status;
}

static void answers_right(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item item = ask(fixture, device.device, FIXTURE_FROM);
	struct exchange_point wanted;
	const uint8_t *number;
	struct store_key key;

	assert_int_equal(serve_one(fixture, &item), 200);
	assert_ok(store_key(STORE(state), device.device, NULL, &key));
	assert_ok(keys_exchange(fixture->parts.keys, device.device, &key, &number));
	assert_ok(exchange_multiply(fixture->parts.exchange, number, &item.point, &wanted));
	assert_memory_equal(item.answer.x, wanted.x, sizeof(wanted.x));
	assert_memory_equal(item.answer.y, wanted.y, sizeof(wanted.y));
	assert_int_equal(fixture_number(fixture,
					ALLOWED " AND source = '192.0.2.7'"
						" AND reason = 'policy' AND writer = 'core'"),
			 1);
	assert_int_equal(fixture_number(fixture, "SELECT native_seen FROM device"), 1);
	assert_true(fixture_number(fixture, "SELECT last_seen_s FROM device") > 0);
}

/* Nothing but the status: a denial tells nothing. */
static void assert_empty(const struct unlock_item *item)
{
	static const struct message_exchanged empty;

	assert_memory_equal(item->answer.x, empty.x, sizeof(empty.x));
	assert_memory_equal(item->answer.y, empty.y, sizeof(empty.y));
	assert_int_equal(item->answer.curve, 0);
}

static void denies(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	uint8_t nobody[DEVICE_ID_BYTES] = { 9 };
	struct unlock_item item = ask(fixture, nobody, FIXTURE_FROM);

	assert_int_equal(serve_one(fixture, &item), 403);
	assert_empty(&item);
	item = ask(fixture, device.device, FIXTURE_FROM);
	item.request.thumbprint[0] = '_';
	assert_int_equal(serve_one(fixture, &item), 403);
	item = ask(fixture, device.device, "198.51.100.1");
	assert_int_equal(serve_one(fixture, &item), 403);
	assert_empty(&item);
	assert_int_equal(fixture_number(fixture, DENIED " AND reason = 'source'"
							" AND source = '198.51.100.1'"),
			 1);
	fixture_sql(fixture, "UPDATE device SET disabled = 1");
	item = ask(fixture, device.device, FIXTURE_FROM);
	assert_int_equal(serve_one(fixture, &item), 403);
	fixture_sql(fixture, "UPDATE device SET revoked_s = 1");
	item = ask(fixture, device.device, FIXTURE_FROM);
	assert_int_equal(serve_one(fixture, &item), 403);
	assert_int_equal(fixture_number(fixture, DENIED " AND reason IN ('disabled', 'revoked',"
							" 'unknown') AND length(device) = 16"),
			 3);
	assert_int_equal(fixture_number(fixture, ALLOWED), 0);
	assert_int_equal(fixture_number(fixture, "SELECT last_seen_s FROM device"), 0);
}

static void refuses_malformed_first(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item item = ask(fixture, device.device, FIXTURE_FROM);

	item.request.curve = MESSAGE_CURVE_P256;
	assert_int_equal(serve_one(fixture, &item), 400);
	item = ask(fixture, device.device, FIXTURE_FROM);
	item.request.y[65] ^= 1;
	assert_int_equal(serve_one(fixture, &item), 400);
	assert_empty(&item);
	fixture_sql(fixture, "UPDATE device SET revoked_s = 1");
	item.request.head.request = 6;
	assert_int_equal(serve_one(fixture, &item), 400); /* no oracle for the state */
	assert_int_equal(fixture_number(fixture, DENIED), 0);
}

/* Guessing uses up its source's patience; a boot storm that succeeds doesn't, nor do denials. */
static void counts_failures_alone(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item good = ask(fixture, device.device, FIXTURE_FROM), item;

	for (int i = 0; i < 300; i++) {
		item = good;
		assert_int_equal(serve_one(fixture, &item), 200);
		item = good;
		item.source = fixture_source("198.51.100.1");
		assert_int_equal(serve_one(fixture, &item), 403);
	}
	for (int i = 0; i < 200; i++) {
		item = good;
		item.request.y[65] ^= 1;
		assert_int_equal(serve_one(fixture, &item), 400);
	}
	item = good;
	assert_int_equal(serve_one(fixture, &item), 503);
	assert_empty(&item);
	item = good;
	item.source = fixture_source("192.0.2.8");
	assert_int_equal(serve_one(fixture, &item), 200);
	item = good;
	item.now_ms = 2000;
	assert_int_equal(serve_one(fixture, &item), 200);
	assert_ok(store_begin(STORE(state)));
	assert_ok(audit_flush(fixture->parts.audit, STORE(state)));
	assert_ok(core_parts_end(&fixture->parts, 0));
	assert_int_equal(fixture_number(fixture, DENIED " AND reason = 'malformed'"), 200);
	assert_int_equal(fixture_number(fixture, DENIED " AND reason = 'admission'"), 1);
}

/* One device that asks without end is told to wait; others aren't. */
static void slows_a_hasty_device(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct message_redeemed other = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item good = ask(fixture, device.device, FIXTURE_FROM), item;
	struct source_address key = { .port = 0 };

	memcpy(key.bytes, device.device, sizeof(key.bytes));
	while (rate_allows(fixture->parts.rate, RATE_CLASS_DEVICE, &key, 1))
		;
	item = good;
	assert_int_equal(serve_one(fixture, &item), 503);
	item = good;
	item.source = fixture_source("198.51.100.1"); /* source comes first */
	assert_int_equal(serve_one(fixture, &item), 403);
	item = ask(fixture, other.device, FIXTURE_FROM);
	assert_int_equal(serve_one(fixture, &item), 200);
	assert_int_equal(fixture_number(fixture, DENIED " AND reason = 'rate'"), 1);
}

static void registers_while_converting(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item item;

	fixture_sql(fixture, "UPDATE device SET allow_from = '[]', left_s = 0,"
			     " converting_until_s = unixepoch() + 100");
	item = ask(fixture, device.device, "192.0.2.7");
	assert_int_equal(serve_one(fixture, &item), 200);
	item = ask(fixture, device.device, "2001:db8::7");
	assert_int_equal(serve_one(fixture, &item), 200);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM device WHERE registered ="
						 " '[\"192.0.2.7\",\"2001:db8::/64\"]'"),
			 1);
	item = ask(fixture, device.device, "192.0.2.8");
	assert_int_equal(serve_one(fixture, &item), 403);
	assert_int_equal(fixture_number(fixture, "SELECT native_seen FROM device"), 0);
	/* The window ends without "leave": same addresses, no native boot seen. */
	fixture_sql(fixture, "UPDATE device SET converting_until_s = unixepoch()");
	item = ask(fixture, device.device, "2001:db8::8");
	assert_int_equal(serve_one(fixture, &item), 200);
	assert_int_equal(fixture_number(fixture, "SELECT native_seen FROM device"), 0);
	item = ask(fixture, device.device, "2001:db8:0:1::8");
	assert_int_equal(serve_one(fixture, &item), 403);
	assert_int_equal(fixture_number(fixture, ALLOWED " AND detail LIKE 'registered %'"), 2);
}

static void serves_a_whole_batch(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item *items = calloc(UNLOCK_BATCH_MAX, sizeof(*items));
	struct answers answers = { .fixture = fixture };

	assert_non_null(items);
	for (size_t i = 0; i < UNLOCK_BATCH_MAX; i++)
		items[i] = ask(fixture, device.device, i % 4 ? "192.0.2.9" : "198.51.100.1");
	assert_ok(unlock_serve(&fixture->parts, items, UNLOCK_BATCH_MAX, take, &answers));
	assert_int_equal(answers.count, UNLOCK_BATCH_MAX);
	for (size_t i = 0; i < UNLOCK_BATCH_MAX; i++)
		assert_int_equal(items[i].answer.status, i % 4 ? 200 : 403);
	/* Every row was on the disk before the first answer left. */
	assert_int_equal(answers.allowed_rows_at_first, UNLOCK_BATCH_MAX * 3 / 4);
	assert_ok(store_audit_verify(STORE(state)));
	free(items);
}

/* The store takes no row: nobody gets an answer out of it. */
static void gives_nothing_unaudited(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct answers answers = { .fixture = fixture };
	struct unlock_item items[3];

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = ask(fixture, device.device, FIXTURE_FROM);
	fixture_room(fixture, false);
	assert_true(unlock_serve(&fixture->parts, items, ARRAY_SIZE(items), take, &answers) < 0);
	fixture_room(fixture, true);
	assert_int_equal(answers.count, ARRAY_SIZE(items));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		assert_int_equal(items[i].answer.status, 503);
		assert_empty(&items[i]);
	}
	assert_int_equal(fixture_number(fixture, ALLOWED), 0);
	items[0] = ask(fixture, device.device, FIXTURE_FROM);
	assert_int_equal(serve_one(fixture, &items[0]), 200);
}

/* A revocation comes between the commit and the answers: whatever leaves after it is a refusal. */
static void withholds_after_a_revocation(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct answers answers = { .fixture = fixture,
				   .sql_at_first = "UPDATE device SET revoked_s = 1" };
	struct unlock_item items[3];

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = ask(fixture, device.device, FIXTURE_FROM);
	assert_ok(unlock_serve(&fixture->parts, items, ARRAY_SIZE(items), take, &answers));
	assert_int_equal(items[0].answer.status, 200);
	for (size_t i = 1; i < ARRAY_SIZE(items); i++) {
		assert_int_equal(items[i].answer.status, 403);
		assert_empty(&items[i]);
	}
	assert_int_equal(fixture_number(fixture,
					"SELECT count(*) FROM audit WHERE"
					" event = 'unlock-withheld' AND reason = 'revoked'"),
			 2);
	assert_ok(store_audit_verify(STORE(state)));
}

/* A waiver of so many replies for a disabled device. */
static void give_waiver(struct fixture *fixture, const uint8_t *device, uint64_t replies)
{
	struct store_new_waiver waiver = { .waives = WAIVES_POLICY,
					   .boots = 1,
					   .replies_per_boot = replies,
					   .window_s = 120,
					   .expires_in_s = 3600,
					   .comment = "" };
	uint8_t id[WAIVER_ID_BYTES];

	fixture_sql(fixture, "UPDATE device SET disabled = 1");
	assert_ok(store_allow_once(fixture->parts.store, &fixture->by, device, &waiver, id));
}

static void spends_a_waiver_in_one_batch(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct answers answers = { .fixture = fixture };
	struct unlock_item items[5];

	give_waiver(fixture, device.device, 3);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = ask(fixture, device.device, FIXTURE_FROM);
	assert_ok(unlock_serve(&fixture->parts, items, ARRAY_SIZE(items), take, &answers));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		assert_int_equal(items[i].answer.status, i < 3 ? 200 : 403);
	assert_int_equal(fixture_number(fixture, ALLOWED " AND reason = 'waiver'"
							 " AND detail LIKE 'waiver %'"),
			 3);
	assert_int_equal(fixture_number(fixture, "SELECT replies FROM waiver"), 3);
}

/* The store takes no row: the reply isn't given, and isn't spent. */
static void spends_nothing_unaudited(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct unlock_item item = ask(fixture, device.device, FIXTURE_FROM);
	struct answers answers = { .fixture = fixture };

	give_waiver(fixture, device.device, 1);
	fixture_room(fixture, false);
	assert_true(unlock_serve(&fixture->parts, &item, 1, take, &answers) < 0);
	assert_int_equal(item.answer.status, 503);
	fixture_room(fixture, true);
	item = ask(fixture, device.device, FIXTURE_FROM);
	assert_int_equal(serve_one(fixture, &item), 200);
}

/* Between the commit and the answer a waiver is cancelled; its replies of before are answered, and
 * an unrelated change doesn't hold back who has spent the last one. */
static void withholds_a_cancelled_waiver(void **state)
{
	static const struct {
		const char *sql;
		uint32_t status;
	} rows[] = {
		{ "UPDATE waiver SET cancelled_s = 1", 403 },
		{ "UPDATE device SET name = 'other'", 200 },
		{ "UPDATE device SET revoked_s = 1", 403 },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
		struct answers answers = { .fixture = fixture, .sql_at_first = rows[i].sql };
		struct unlock_item items[2] = { ask(fixture, device.device, FIXTURE_FROM),
						ask(fixture, device.device, FIXTURE_FROM) };

		give_waiver(fixture, device.device, 2);
		assert_ok(unlock_serve(&fixture->parts, items, 2, take, &answers));
		assert_int_equal(items[0].answer.status, 200);
		assert_int_equal(items[1].answer.status, rows[i].status);
	}
	assert_ok(store_audit_verify(STORE(state)));
}

/* A change that doesn't concern the device costs a look, not the answer. */
static void answers_after_another_change(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct answers answers = { .fixture = fixture,
				   .sql_at_first = "UPDATE device SET name = 'other'" };
	struct unlock_item items[2];

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = ask(fixture, device.device, FIXTURE_FROM);
	assert_ok(unlock_serve(&fixture->parts, items, ARRAY_SIZE(items), take, &answers));
	assert_int_equal(items[1].answer.status, 200);
}

/* Damaged rows deny by failing, never by being empty; others in the batch don't suffer. */
static void closes_on_damaged_rows(void **state)
{
	static const char *const damages[] = {
		"UPDATE device SET allow_from = '[\"192.0.2' WHERE serial = 1",
		"UPDATE device SET allow_from = '[]', registered = 'x' WHERE serial = 1",
		"UPDATE device_key SET exchange_sealed = zeroblob(94) WHERE device ="
		" (SELECT id FROM device WHERE serial = 1)",
	};
	struct fixture *fixture = *state;
	struct message_redeemed bad = fixture_device(fixture, "[\"192.0.2.0/24\"]");
	struct message_redeemed good = fixture_device(fixture, "[\"192.0.2.0/24\"]");

	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct answers answers = { .fixture = fixture };
		struct unlock_item items[2] = { ask(fixture, bad.device, FIXTURE_FROM),
						ask(fixture, good.device, FIXTURE_FROM) };

		fixture_sql(fixture, damages[i]);
		assert_ok(unlock_serve(&fixture->parts, items, 2, take, &answers));
		assert_int_equal(items[0].answer.status, 503);
		assert_empty(&items[0]);
		assert_int_equal(items[1].answer.status, 200);
		fixture_sql(fixture, "UPDATE device SET registered = '[]',"
				     " allow_from = '[\"192.0.2.0/24\"]'");
	}
}

/* A waiver that makes no sense allows nothing; a whole one beside it does. */
static void spends_no_damaged_waiver(void **state)
{
	static const char *const damages[] = {
		"UPDATE waiver SET source = 'nowhere'",
		"UPDATE waiver SET window_source = '192.0.2.0/24', window_until_s = expires_s,"
		" window_replies_left = 1",
		"UPDATE waiver SET waives = 0",
		"UPDATE waiver SET boots_left = -1",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.0/24\"]");
		struct unlock_item item = ask(fixture, device.device, FIXTURE_FROM);

		give_waiver(fixture, device.device, 1);
		fixture_sql(fixture, damages[i]);
		assert_int_equal(serve_one(fixture, &item), 403);
		give_waiver(fixture, device.device, 1);
		item = ask(fixture, device.device, FIXTURE_FROM);
		assert_int_equal(serve_one(fixture, &item), 200);
	}
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(answers_right),
		WITH_FIXTURE(denies),
		WITH_FIXTURE(refuses_malformed_first),
		WITH_FIXTURE(counts_failures_alone),
		WITH_FIXTURE(slows_a_hasty_device),
		WITH_FIXTURE(registers_while_converting),
		WITH_FIXTURE(serves_a_whole_batch),
		WITH_FIXTURE(gives_nothing_unaudited),
		WITH_FIXTURE(withholds_after_a_revocation),
		WITH_FIXTURE(spends_a_waiver_in_one_batch),
		WITH_FIXTURE(spends_nothing_unaudited),
		WITH_FIXTURE(withholds_a_cancelled_waiver),
		WITH_FIXTURE(answers_after_another_change),
		WITH_FIXTURE(closes_on_damaged_rows),
		WITH_FIXTURE(spends_no_damaged_waiver),
	};

	return cmocka_run_group_tests_name("server_unlock", tests, NULL, NULL);
}
