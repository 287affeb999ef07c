/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys, advertisements and the tang seal, with the server's half played by libjose here.
 * tests/wire/tang.sh does the same against the real programs.
 */
#include "common/jwk.h"

#include "common/aead.h"
#include "tests/unit/unit.h"

#include <jose/jwk.h>

/* RFC 7638, section 3.1 uses RSA; this EC key is RFC 7517, appendix A.1, its thumbprint by `jose
 * jwk thp`. */
static const char rfc_key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\","
			      "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
			      "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
static const char rfc_thumbprint[] = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s";

/* What a server has: a signing key, an exchange key, and the advertisement of both. */
struct server {
	json_t *signing;
	json_t *exchange;
	json_t *jws;
	char thumbprint[JWK_THUMBPRINT_SIZE];
};

static void server_make(struct server *server)
{
	CLEANUP_JSON json_t *keys = json_array();
	json_t *public = NULL;

	assert_ok(jwk_generate("ES512", &server->signing));
	assert_ok(jwk_generate("ECMR", &server->exchange));
	assert_ok(jwk_thumbprint(server->signing, server->thumbprint));
	assert_ok(jwk_public(server->signing, &public));
	json_array_append_new(keys, public);
	/* With its private half: jwk_advertise() must cut it off. */
	json_array_append(keys, server->exchange);
	assert_ok(jwk_advertise(&server->signing, 1, keys, &server->jws));
}

static void server_done(struct server *server)
{
	json_decref(server->signing);
	json_decref(server->exchange);
	json_decref(server->jws);
}

static void makes_keys(void **state)
{
	CLEANUP_JWK json_t *key = NULL;
	CLEANUP_JSON json_t *public = NULL;
	json_t *none = NULL;

	(void)state;
	assert_ok(jwk_generate("ECMR", &key));
	assert_string_equal(json_string_value(json_object_get(key, "crv")), "P-521");
	assert_non_null(json_object_get(key, "d"));
	assert_ok(jwk_public(key, &public));
	assert_null(json_object_get(public, "d"));
	assert_non_null(json_object_get(key, "d"));
	assert_true(jwk_generate("NOPE", &none) < 0);
	assert_null(none);
}

static void wipes_private_members(void **state)
{
	CLEANUP_JSON json_t *key = NULL;
	const char *d;

	(void)state;
	assert_ok(jwk_generate("ECMR", &key));
	d = json_string_value(json_object_get(key, "d"));
	assert_true(strlen(d) > 80);
	jwk_wipe(key);
	assert_int_equal(strlen(d), 0);
	assert_int_equal(d[40], 0);
	jwk_wipe(NULL);
}

static void makes_thumbprints(void **state)
{
	CLEANUP_JSON json_t *key = json_loads(rfc_key, 0, NULL);
	CLEANUP_JSON json_t *none = json_object();
	char text[JWK_THUMBPRINT_SIZE];

	(void)state;
	assert_ok(jwk_thumbprint(key, text));
	assert_string_equal(text, rfc_thumbprint);
	assert_int_equal(jwk_thumbprint(none, text), -EINVAL);
}

static void verifies_advertisements(void **state)
{
	CLEANUP(server_done) struct server server, other;
	CLEANUP_JSON json_t *keys = NULL;
	json_t *refused = NULL;
	CLEANUP_JSON json_t *mixed = NULL;

	(void)state;
	server_make(&server);
	server_make(&other);
	assert_ok(jwk_verify_advertisement(server.jws, server.thumbprint, &keys));
	assert_int_equal(json_array_size(json_object_get(keys, "keys")), 2);
	assert_null(json_object_get(json_array_get(json_object_get(keys, "keys"), 1), "d"));
	assert_int_equal(jwk_verify_advertisement(server.jws, other.thumbprint, &refused),
			 -EKEYREJECTED);
	assert_said(other.thumbprint);
	/* The other's payload under our signature. */
	mixed = json_copy(server.jws);
	json_object_set(mixed, "payload", json_object_get(other.jws, "payload"));
	assert_int_equal(jwk_verify_advertisement(mixed, NULL, &refused), -EKEYREJECTED);
	json_object_set_new(mixed, "payload", json_string("e30")); /* {} */
	assert_int_equal(jwk_verify_advertisement(mixed, NULL, &refused), -EINVAL);
	json_object_set_new(mixed, "payload", json_string("!!"));
	assert_int_equal(jwk_verify_advertisement(mixed, NULL, &refused), -EINVAL);
	json_object_del(mixed, "payload");
	assert_int_equal(jwk_verify_advertisement(mixed, NULL, &refused), -EINVAL);
	assert_null(refused);
}

static void wants_every_key_to_sign(void **state)
{
	CLEANUP_JSON json_t *keys = json_array();
	CLEANUP_JSON json_t *one = NULL;
	CLEANUP_JSON json_t *both = NULL;
	CLEANUP_JSON json_t *set = NULL;
	json_t *signers[2] = { NULL, NULL };
	json_t *refused = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_ok(jwk_generate("ES512", &signers[i]));
		json_array_append_new(keys, signers[i]);
	}
	assert_ok(jwk_advertise(signers, 2, keys, &both));
	assert_int_equal(json_array_size(json_object_get(both, "signatures")), 2);
	assert_ok(jwk_verify_advertisement(both, NULL, &set));
	assert_int_equal(jwk_exchange_key(set, &refused), -ENOENT);
	assert_ok(jwk_advertise(signers, 1, keys, &one));
	assert_int_equal(jwk_verify_advertisement(one, NULL, &refused), -EKEYREJECTED);
	assert_int_equal(jwk_advertise(signers, 0, keys, &refused), -EINVAL);
	assert_null(refused);
}

static void seals_and_recovers(void **state)
{
	CLEANUP(server_done) struct server server;
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, back = SECRET_EMPTY;
	CLEANUP_JSON json_t *keys = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_JWK json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *reply = NULL;
	CLEANUP_FREE char *kid = NULL;

	(void)state;
	server_make(&server);
	assert_ok(secret_random(&secret, 64));
	assert_ok(jwk_verify_advertisement(server.jws, NULL, &keys));
	assert_ok(jwk_seal_tang("https://example.com/d/1", keys, &secret, &jwe));
	assert_ok(jwk_recovery_request(jwe, &request, &ephemeral, &kid));
	assert_null(json_object_get(request, "d"));
	assert_non_null(json_object_get(ephemeral, "d"));
	reply = jose_jwk_exc(NULL, server.exchange, request);
	assert_non_null(reply);
	assert_ok(jwk_recovery_unseal(jwe, ephemeral, reply, &back));
	assert_true(secret_equal(&secret, &back));
}

static void refuses_bad_replies(void **state)
{
	CLEANUP(server_done) struct server server, other;
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, back = SECRET_EMPTY;
	CLEANUP_JSON json_t *keys = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_JWK json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *reply = NULL;
	CLEANUP_JSON json_t *p256 = json_loads(rfc_key, 0, NULL);
	CLEANUP_FREE char *kid = NULL;

	(void)state;
	server_make(&server);
	server_make(&other);
	assert_ok(secret_random(&secret, 64));
	assert_ok(jwk_verify_advertisement(server.jws, NULL, &keys));
	assert_ok(jwk_seal_tang("https://example.com/d/1", keys, &secret, &jwe));
	assert_ok(jwk_recovery_request(jwe, &request, &ephemeral, &kid));
	reply = jose_jwk_exc(NULL, other.exchange, request);
	assert_int_equal(jwk_recovery_unseal(jwe, ephemeral, reply, &back), -EBADMSG);
	assert_int_equal(jwk_recovery_unseal(jwe, ephemeral, p256, &back), -EINVAL);
	json_object_del(reply, "x");
	assert_int_equal(jwk_recovery_unseal(jwe, ephemeral, reply, &back), -EINVAL);
	json_object_set_new(reply, "x", json_string("AAAA")); /* off the curve */
	assert_true(jwk_recovery_unseal(jwe, ephemeral, reply, &back) < 0);
	json_object_set_new(jwe, "protected", json_string("e30"));
	assert_int_equal(jwk_recovery_unseal(jwe, ephemeral, reply, &back), -EINVAL);
	assert_null(back.data);
}

static void writes_compact(void **state)
{
	CLEANUP_JSON json_t *jwe = json_pack("{s:s,s:s,s:s,s:s}", "protected", "a", "iv", "b",
					     "ciphertext", "c", "tag", "d");
	CLEANUP_FREE char *text = NULL;
	char *refused = NULL;

	(void)state;
	assert_ok(jwk_compact(jwe, &text));
	assert_string_equal(text, "a..b.c.d");
	json_object_del(jwe, "tag");
	assert_int_equal(jwk_compact(jwe, &refused), -EINVAL);
	assert_null(refused);
}

static void converts_base64url(void **state)
{
	static const struct {
		const char *text;
		const char *data;
		size_t len;
	} rows[] = {
		{ "", "", 0 },	      { "Zg", "f", 1 },		{ "Zm8", "fo", 2 },
		{ "Zm9v", "foo", 3 }, { "-_8", "\xfb\xff", 2 },
	};
	static const char *const wrong[] = { "Z", "Zg==", "Zm9v\n", "+/8", "Zm 9v" };
	uint8_t *none = NULL;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE uint8_t *data = NULL;
		CLEANUP_FREE char *text = NULL;

		assert_ok(b64url_encode(rows[i].data, rows[i].len, &text));
		assert_string_equal(text, rows[i].text);
		assert_ok(b64url_decode(rows[i].text, 3, &data, &len));
		assert_int_equal(len, rows[i].len);
		assert_memory_equal(data, rows[i].data, len + 1);
	}
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (b64url_decode(wrong[i], 100, &none, &len) != -EINVAL)
			fail_msg("accepted: %s", wrong[i]);
	}
	assert_int_equal(b64url_decode("Zm9vZg", 3, &none, &len), -E2BIG);
	assert_null(none);
}

static void signs_texts(void **state UNUSED)
{
	CLEANUP_JWK json_t *key = NULL;
	CLEANUP_JWK json_t *other = NULL;
	CLEANUP_JSON json_t *public = NULL;
	CLEANUP_FREE char *signed_text = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;

	assert_ok(jwk_generate("ES512", &key));
	assert_ok(jwk_generate("ES512", &other));
	assert_ok(jwk_public(key, &public));
	assert_ok(jwk_sign_text(key, "attack at dawn", &signed_text));
	assert_ok(jwk_verify_text(public, signed_text, 100, &text));
	assert_string_equal(text, "attack at dawn");
	free(TAKE_PTR(text));
	assert_int_equal(jwk_verify_text(other, signed_text, 100, &text), -EKEYREJECTED);
	assert_int_equal(jwk_verify_text(public, signed_text, 13, &text), -E2BIG);
	len = strlen(signed_text);
	for (size_t i = 0; i < len - 1; i++) { /* the last character has bits to spare */
		signed_text[i] ^= 1;
		if (jwk_verify_text(public, signed_text, 100, &text) == 0)
			fail_msg("changed at %zu, and not seen", i);
		signed_text[i] ^= 1;
	}
	assert_int_equal(jwk_verify_text(public, "", 100, &text), -EINVAL);
	assert_int_equal(jwk_verify_text(public, "a.b", 100, &text), -EINVAL);
	assert_int_equal(jwk_verify_text(public, "a.b.c.d", 100, &text), -EINVAL);
	assert_true(jwk_verify_text(public, "a.b.c", 100, &text) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_texts),
		cmocka_unit_test(makes_keys),
		cmocka_unit_test(wipes_private_members),
		cmocka_unit_test(makes_thumbprints),
		cmocka_unit_test(verifies_advertisements),
		cmocka_unit_test(wants_every_key_to_sign),
		cmocka_unit_test(seals_and_recovers),
		cmocka_unit_test(refuses_bad_replies),
		cmocka_unit_test(writes_compact),
		cmocka_unit_test(converts_base64url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
