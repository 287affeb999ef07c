/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clevis is given and what becomes of its answer, around a faked child process; and the order
 * in which the volume key is looked for.
 * UNIT_SOURCES: bootstrap/unlock.c
 */
#include "bootstrap/keyring.h"
#include "bootstrap/spawn.h"
#include "bootstrap/unlock.h"

#include "tests/unit/unit.h"

static const struct luks_where where = { "/dev/root", NULL };
static const char *answer; /* of clevis; NULL: it fails */
static bool is_key_kept, opens;
static unsigned spawned;

int luks_clevis_jwe(const struct luks_where *asked, json_t **ret_jwe, int *ret_slot)
{
	assert_string_equal(asked->header, "/dev/root");
	*ret_jwe = json_pack("{s:s, s:s, s:s, s:s, s:s}", "protected", "a", "encrypted_key", "",
			     "iv", "b", "ciphertext", "c", "tag", "d");
	*ret_slot = 1;
	return 0;
}

int spawn_secret(const struct spawn *spawn, struct secret *ret)
{
	spawned++;
	assert_string_equal(spawn->argv[0], "clevis");
	assert_string_equal(spawn->argv[1], "decrypt");
	assert_null(spawn->argv[2]);
	assert_string_equal(spawn->input_text, "a..b.c.d"); /* and no newline */
	assert_true(spawn->timeout_s > 0);
	if (!answer)
		return fail(-EIO, "clevis ended with status 1: Error communicating with server");
	return secret_copy(ret, answer, strlen(answer));
}

int keyring_get(const char *luks_uuid, struct secret *ret)
{
	assert_string_equal(luks_uuid, "uuid");
	return is_key_kept ? secret_copy(ret, "kept", 4) : -ENOKEY;
}

int luks_volume_key(const struct luks_where *asked UNUSED, const struct secret *passphrase,
		    struct secret *ret)
{
	assert_string_equal((const char *)passphrase->data, answer);
	return opens ? secret_copy(ret, "opened", 6) : -EPERM;
}

static void secret_comes_from_clevis(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;

	(void)state;
	answer = "the secret";
	assert_ok(unlock_clevis(&where, 10, &secret));
	assert_string_equal((const char *)secret.data, "the secret");
}

static void a_failure_keeps_the_words(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;

	(void)state;
	answer = NULL;
	assert_int_equal(unlock_clevis(&where, 10, &secret), -EACCES);
	assert_said("Error communicating with server");
	assert_null(secret.data);
}

static void kept_key_asks_nobody(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;

	(void)state;
	spawned = 0;
	is_key_kept = true;
	assert_ok(unlock_volume_key("uuid", &where, &key));
	assert_string_equal((const char *)key.data, "kept");
	assert_int_equal(spawned, 0);
}

static void else_the_server_is_asked(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;

	(void)state;
	is_key_kept = false;
	opens = true;
	answer = "the secret";
	assert_ok(unlock_volume_key("uuid", &where, &key));
	assert_string_equal((const char *)key.data, "opened");
}

static void a_secret_that_opens_nothing(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;

	(void)state;
	is_key_kept = opens = false;
	answer = "the secret";
	assert_int_equal(unlock_volume_key("uuid", &where, &key), -EPERM);
	assert_said("opens no keyslot of /dev/root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_comes_from_clevis),
		cmocka_unit_test(a_failure_keeps_the_words),
		cmocka_unit_test(kept_key_asks_nobody),
		cmocka_unit_test(else_the_server_is_asked),
		cmocka_unit_test(a_secret_that_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
