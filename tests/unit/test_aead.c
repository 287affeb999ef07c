/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing at rest, against itself and against vectors: SHA-256 (FIPS 180-2, B.1), HMAC-SHA256 (RFC
 * 4231, case 2), and one sealed text made by another implementation (Python cryptography), so that
 * layout and key derivation stay.
 */
#include "common/aead.h"

#include "common/strbuf.h"
#include "tests/unit/unit.h"

static void hashes(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	uint8_t hash[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];

	(void)state;
	assert_ok(sha256("abc", 3, hash));
	text_hex(text, hash, sizeof(hash));
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_ok(secret_copy(&key, "Jefe", 4));
	assert_ok(hmac_sha256(&key, "what do ya want for nothing?", 28, hash));
	text_hex(text, hash, sizeof(hash));
	assert_string_equal(text,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void opens_what_it_sealed(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, plain = SECRET_EMPTY, back = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	CLEANUP_FREE uint8_t *again = NULL;
	size_t len = 0;

	(void)state;
	assert_ok(secret_random(&key, 32));
	assert_ok(secret_copy(&plain, "the content", 11));
	assert_ok(aead_seal(&key, "test", "bound", &plain, &sealed, &len));
	assert_int_equal(len, 11 + AEAD_OVERHEAD);
	assert_ok(aead_open(&key, "test", "bound", sealed, len, &back));
	assert_true(secret_equal(&plain, &back));
	assert_ok(aead_seal(&key, "test", "bound", &plain, &again, &len));
	assert_memory_not_equal(sealed, again, len); /* another nonce */
}

static void opens_an_old_text(void **state)
{
	static const char old[] = "000102030405060708090a0b"
				  "4adec3226628092e3685353e9a51d07f2bdd0b2b971df9d7";
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, back = SECRET_EMPTY;
	uint8_t sealed[(sizeof(old) - 1) / 2];

	(void)state;
	assert_ok(secret_alloc(&key, 32));
	memset(key.data, 7, 32);
	assert_ok(text_unhex(sealed, sizeof(sealed), old));
	assert_ok(aead_open(&key, "vector", "org/device", sealed, sizeof(sealed), &back));
	assert_string_equal((char *)back.data, "layout 1");
}

static void refuses_every_change(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, other = SECRET_EMPTY, plain = SECRET_EMPTY;
	CLEANUP_SECRET struct secret back = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	size_t len = 0, i;

	(void)state;
	assert_ok(secret_random(&key, 32));
	assert_ok(secret_random(&other, 32));
	assert_ok(secret_copy(&plain, "x", 1));
	assert_ok(aead_seal(&key, "test", "bound", &plain, &sealed, &len));
	assert_int_equal(aead_open(&other, "test", "bound", sealed, len, &back), -EBADMSG);
	assert_int_equal(aead_open(&key, "tesT", "bound", sealed, len, &back), -EBADMSG);
	assert_int_equal(aead_open(&key, "test", "bounD", sealed, len, &back), -EBADMSG);
	assert_int_equal(aead_open(&key, "test", NULL, sealed, len, &back), -EBADMSG);
	assert_string_equal(fail_text(), "");
	for (i = 0; i < len; i++) {
		assert_int_equal(aead_open(&key, "test", "bound", sealed, i, &back), -EBADMSG);
		sealed[i] ^= 1;
		assert_int_equal(aead_open(&key, "test", "bound", sealed, len, &back), -EBADMSG);
		sealed[i] ^= 1;
	}
	assert_null(back.data);
	assert_ok(aead_open(&key, "test", "bound", sealed, len, &back));
}

static void refuses_a_short_key(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, plain = SECRET_EMPTY;
	uint8_t *sealed = NULL;
	size_t len;

	(void)state;
	assert_ok(secret_random(&key, 15));
	assert_ok(secret_copy(&plain, "x", 1));
	assert_int_equal(aead_seal(&key, "test", NULL, &plain, &sealed, &len), -EINVAL);
	assert_null(sealed);
}

static void compares(void **state)
{
	(void)state;
	assert_true(bytes_equal_ct("abc", "abd", 2));
	assert_false(bytes_equal_ct("abc", "abd", 3));
	assert_true(bytes_equal_ct(NULL, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(opens_what_it_sealed),
		cmocka_unit_test(opens_an_old_text),
		cmocka_unit_test(refuses_every_change),
		cmocka_unit_test(refuses_a_short_key),
		cmocka_unit_test(compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
