/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clevis is given and what becomes of its answer, around a faked child process; and the order
 * in which the volume key, or both, are looked for.
 * UNIT_SOURCES: bootstrap/unlock.c
 */
#include "bootstrap/keyring.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/spawn.h"
#include "bootstrap/unlock.h"

#include "tests/unit/unit.h"

static const struct luks_where where = { "/dev/root", NULL };
static const char *answer; /* of clevis; NULL: it fails */
static bool is_key_kept, opens;
static struct luks_status status;
static char kept[2][16], put[2][16]; /* in the keyring, by number; what was put there */
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

int luks_look(const struct luks_where *asked UNUSED, struct luks_status *ret)
{
	*ret = status;
	return 0;
}

int keyring_get(const char *luks_uuid, unsigned number, struct secret *ret)
{
	assert_string_equal(luks_uuid, "uuid");
	if (kept[number][0])
		return secret_copy(ret, kept[number], strlen(kept[number]));
	return is_key_kept ? secret_copy(ret, "kept", 4) : -ENOKEY;
}

int keyring_put(const char *luks_uuid, unsigned number, const struct secret *key,
		unsigned timeout_s)
{
	assert_string_equal(luks_uuid, "uuid");
	assert_true(timeout_s > 0);
	snprintf(put[number], sizeof(put[number]), "%.*s", (int)key->len, (const char *)key->data);
	return 0;
}

int luks_both_keys(const struct luks_where *asked UNUSED, const struct secret *passphrase,
		   struct secret *ret_used, struct secret *ret_next)
{
	assert_string_equal((const char *)passphrase->data, answer);
	if (!opens)
		return -EPERM;
	assert_ok(secret_copy(ret_used, "used", 4));
	return secret_copy(ret_next, "next", 4);
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

/* Behind a rotation the kept first key opens nothing any more. */
static void the_key_is_the_one_in_use(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, again = SECRET_EMPTY;

	(void)state;
	is_key_kept = false;
	strcpy(kept[0], "first");
	strcpy(kept[1], "second");
	assert_ok(unlock_volume_key("uuid", &where, &key));
	assert_string_equal((const char *)key.data, "first");
	status.used_key = 1;
	assert_ok(unlock_volume_key("uuid", &where, &again));
	assert_string_equal((const char *)again.data, "second");
}

static void both_keys_together_or_from_clevis(void **state)
{
	CLEANUP_SECRET struct secret used = SECRET_EMPTY, next = SECRET_EMPTY;

	(void)state;
	spawned = 0;
	opens = true;
	answer = "the secret";
	strcpy(kept[0], "first");
	assert_ok(unlock_both_keys("uuid", &where, &used, &next)); /* one alone is not enough */
	assert_string_equal((const char *)used.data, "used");
	assert_string_equal((const char *)next.data, "next");
	assert_int_equal(spawned, 1);
	secret_done(&used);
	secret_done(&next);
	strcpy(kept[1], "second");
	assert_ok(unlock_both_keys("uuid", &where, &used, &next));
	assert_string_equal((const char *)next.data, "second");
	assert_int_equal(spawned, 1);
}

static void keeps_what_is_needed(void **state)
{
	static const struct {
		struct luks_status status;
		const char *first, *next;
	} rows[] = {
		{ { .slots_of = { 3, 0 } }, "opened", "" }, /* no rotation is wanted */
		{ { .slots_of = { 3, 12 }, .is_reencrypting = true }, "opened", "" },
		{ { .slots_of = { 3, 12 } }, "used", "next" }, /* it is about to begin */
		{ { .slots_of = { 3, 12 }, .is_reencrypting = true, .is_rotating = true },
		  "used",
		  "next" },
		{ { .slots_of = { 3, 12 }, .used_key = 1 }, "", "opened" },
		{ { .slots_of = { 0, 12 }, .used_key = 1 }, "", "opened" },
	};
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;

	(void)state;
	answer = "the secret";
	opens = true;
	assert_ok(secret_copy(&passphrase, answer, strlen(answer)));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(put, 0, sizeof(put));
		status = rows[i].status;
		assert_ok(unlock_keep("uuid", &where, &passphrase));
		assert_string_equal(put[0], rows[i].first);
		assert_string_equal(put[1], rows[i].next);
	}
	opens = false;
	assert_int_equal(unlock_keep("uuid", &where, &passphrase), -EPERM);
}

static int setup(void **state UNUSED)
{
	memset(kept, 0, sizeof(kept));
	status = (struct luks_status){ .is_luks2 = true };
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_comes_from_clevis),
		cmocka_unit_test(a_failure_keeps_the_words),
		cmocka_unit_test(kept_key_asks_nobody),
		cmocka_unit_test(else_the_server_is_asked),
		cmocka_unit_test(a_secret_that_opens_nothing),
		cmocka_unit_test_setup(the_key_is_the_one_in_use, setup),
		cmocka_unit_test_setup(both_keys_together_or_from_clevis, setup),
		cmocka_unit_test_setup(keeps_what_is_needed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
