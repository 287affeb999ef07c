/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wrapped keys: a wrong KEK is refused at start, a key moved to another place doesn't open, an
 * advertisement verifies and names the keys, nothing private is in the store.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include "common/file.h"
#include "common/jwk.h"
#include "tests/unit/server_fixture.h"

#define KEYS(state) (((struct fixture *)*(state))->parts.keys)

static void refuses_a_wrong_kek(void **state)
{
	struct fixture *fixture = *state;
	char path[CONFIG_PATH_SIZE];
	uint8_t other[KEK_BYTES];
	struct core_parts parts;

	core_parts_close(&fixture->parts);
	fixture_path(fixture, CONFIG_FILE_KEK, path);
	assert_ok(random_bytes(other, sizeof(other)));
	assert_ok(file_replace(path, other, sizeof(other), 0600));
	assert_int_equal(core_parts_open(&fixture->config, &parts), -EKEYREJECTED);
	assert_said("isn't the key of this store");
	assert_ok(file_replace(path, other, sizeof(other) - 1, 0600));
	assert_true(core_parts_open(&fixture->config, &parts) < 0);
	assert_said("exactly 32 bytes");
	assert_ok(file_replace(path, "0123456789012345678901234567890123", 33, 0600));
	assert_true(core_parts_open(&fixture->config, &parts) < 0);
	assert_ok(file_replace(path, other, sizeof(other), 0644));
	assert_true(core_parts_open(&fixture->config, &parts) < 0);
	assert_int_equal(unlink(path), 0);
	assert_true(core_parts_open(&fixture->config, &parts) < 0);
	assert_said("kek");
}

static void refuses_a_store_without_check(void **state)
{
	struct fixture *fixture = *state;
	struct core_parts parts;

	fixture_sql(fixture, "DELETE FROM kek_epoch");
	core_parts_close(&fixture->parts);
	assert_true(core_parts_open(&fixture->config, &parts) < 0);
	assert_said("check value");
}

static void never_replaces_a_kek(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(epochs_create(&fixture->config, fixture->parts.store), -EEXIST);
	assert_said("never replaced");
}

static struct store_key make(struct fixture *fixture, const uint8_t *device)
{
	struct store_key key = { .generation = 1 };

	memcpy(key.organization, fixture->by.organization, sizeof(key.organization));
	assert_ok(keys_make(fixture->parts.keys, device, &key));
	return key;
}

static const uint8_t device_a[DEVICE_ID_BYTES] = { 1, 1 }, device_b[DEVICE_ID_BYTES] = { 1, 2 };

static void opens_only_in_its_place(void **state)
{
	struct fixture *fixture = *state;
	struct store_key key = make(fixture, device_a), changed;
	const uint8_t *number;

	changed = key;
	changed.generation = 2;
	assert_int_equal(keys_exchange(KEYS(state), device_a, &changed, &number), -EIO);
	assert_said("doesn't open");
	changed = key;
	changed.organization[3] ^= 1;
	assert_int_equal(keys_exchange(KEYS(state), device_a, &changed, &number), -EIO);
	assert_int_equal(keys_exchange(KEYS(state), device_b, &key, &number), -EIO);
	for (size_t i = 0; i < key.exchange_len; i++) {
		changed = key;
		changed.exchange_sealed[i] ^= 0x10;
		assert_int_equal(keys_exchange(KEYS(state), device_a, &changed, &number), -EIO);
	}
	changed = key; /* a signing key in the exchange key's place */
	memcpy(changed.exchange_sealed, key.signing_sealed, key.signing_len);
	assert_int_equal(keys_exchange(KEYS(state), device_a, &changed, &number), -EIO);
	assert_ok(keys_exchange(KEYS(state), device_a, &key, &number));
}

/* Devices that share a place in the cache never share a number. */
static void caches_by_device(void **state)
{
	struct fixture *fixture = *state;
	struct store_key a = make(fixture, device_a), b = make(fixture, device_b);
	uint8_t first[P521_BYTES];
	const uint8_t *number;

	assert_ok(keys_exchange(KEYS(state), device_a, &a, &number));
	memcpy(first, number, sizeof(first));
	assert_ok(keys_exchange(KEYS(state), device_b, &b, &number));
	assert_memory_not_equal(number, first, sizeof(first));
	assert_ok(keys_exchange(KEYS(state), device_a, &a, &number));
	assert_memory_equal(number, first, sizeof(first));
}

static void advertises(void **state)
{
	struct fixture *fixture = *state;
	struct store_key key = make(fixture, device_a);
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *set = NULL;
	json_t *exchange;
	char thumbprint[JWK_THUMBPRINT_SIZE];

	assert_ok(keys_advertise(KEYS(state), device_a, &key, NULL, &text));
	assert_null(strstr(text, "\"d\""));
	assert_ok(js_parse(text, strlen(text), 8192, &jws));
	assert_ok(jwk_verify_advertisement(jws, key.signing_thumbprint, &set));
	assert_int_equal(json_array_size(json_object_get(set, "keys")), 2);
	assert_ok(jwk_exchange_key(set, &exchange));
	assert_null(json_object_get(exchange, "d"));
	assert_ok(jwk_thumbprint(exchange, thumbprint));
	assert_string_equal(thumbprint, key.exchange_thumbprint);
}

/* A whole recovery with the client's half of jwk.c: what a host does at boot. */
static void serves_a_recovery(void **state)
{
	struct fixture *fixture = *state;
	struct store_key key = make(fixture, device_a);
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE char *kid = NULL;
	CLEANUP_FREE char *x = NULL;
	CLEANUP_FREE char *y = NULL;
	CLEANUP_FREE uint8_t *bytes = NULL;
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_JSON json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *reply = NULL;
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_SECRET struct secret opened = SECRET_EMPTY;
	struct exchange_point point, product;
	const uint8_t *number;
	size_t len;

	assert_ok(secret_random(&secret, 40));
	assert_ok(keys_advertise(KEYS(state), device_a, &key, NULL, &text));
	assert_ok(js_parse(text, strlen(text), 8192, &jws));
	assert_ok(jwk_verify_advertisement(jws, key.signing_thumbprint, &set));
	assert_ok(jwk_seal_tang("https://unlock.example.com/d/1", set, &secret, &jwe));
	assert_ok(jwk_recovery_request(jwe, &request, &ephemeral, &kid));
	assert_string_equal(kid, key.exchange_thumbprint);
	assert_ok(
		b64url_decode(json_string_value(json_object_get(request, "x")), 66, &bytes, &len));
	memcpy(point.x, bytes, P521_BYTES);
	free(TAKE_PTR(bytes));
	assert_ok(
		b64url_decode(json_string_value(json_object_get(request, "y")), 66, &bytes, &len));
	memcpy(point.y, bytes, P521_BYTES);
	assert_ok(keys_exchange(KEYS(state), device_a, &key, &number));
	assert_ok(exchange_check(fixture->parts.exchange, &point));
	assert_ok(exchange_multiply(fixture->parts.exchange, number, &point, &product));
	assert_ok(b64url_encode(product.x, P521_BYTES, &x));
	assert_ok(b64url_encode(product.y, P521_BYTES, &y));
	reply = json_pack("{s:s, s:s, s:[s], s:s, s:s, s:s}", "alg", "ECMR", "crv", "P-521",
			  "key_ops", "deriveKey", "kty", "EC", "x", x, "y", y);
	assert_ok(jwk_recovery_unseal(jwe, ephemeral, reply, &opened));
	assert_true(secret_equal(&secret, &opened));
}

/* The private number is in no file of the folder; the same search finds what is there. */
static void keeps_numbers_out_of_the_store(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed device = fixture_device(fixture, "[\"192.0.2.7\"]");
	const uint8_t *number;
	struct store_key key;

	assert_ok(store_key(fixture->parts.store, device.device, NULL, &key));
	assert_ok(keys_exchange(KEYS(state), device.device, &key, &number));
	assert_false(fixture_holds(fixture, number + 2, 32));
	assert_true(fixture_holds(fixture, key.exchange_sealed, key.exchange_len));
}

static void hashes_enrollment_keys(void **state)
{
	uint8_t a[SECRET_HASH_BYTES], b[SECRET_HASH_BYTES], plain[32];

	assert_ok(keys_hash_enrollment(KEYS(state), "ABCDEFGHJKMN", a));
	assert_ok(keys_hash_enrollment(KEYS(state), "ABCDEFGHJKMP", b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_ok(sha256("ABCDEFGHJKMN", 12, plain));
	assert_memory_not_equal(a, plain, sizeof(a));
	assert_ok(keys_hash_enrollment(KEYS(state), "ABCDEFGHJKMN", b));
	assert_memory_equal(a, b, sizeof(a));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(refuses_a_wrong_kek),    WITH_FIXTURE(refuses_a_store_without_check),
		WITH_FIXTURE(never_replaces_a_kek),   WITH_FIXTURE(opens_only_in_its_place),
		WITH_FIXTURE(caches_by_device),	      WITH_FIXTURE(advertises),
		WITH_FIXTURE(serves_a_recovery),      WITH_FIXTURE(keeps_numbers_out_of_the_store),
		WITH_FIXTURE(hashes_enrollment_keys),
	};

	return cmocka_run_group_tests_name("server_keys", tests, NULL, NULL);
}
