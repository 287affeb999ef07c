/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header file as `header` makes it, by whatever libcryptsetup this machine has: slots, tokens,
 * the sealed recovery passphrase, the mark "unwiped". No device is needed.
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/luks.c bootstrap/luks_json.c bootstrap/luks_look.c
 * UNIT_SOURCES: bootstrap/luks_token.c bootstrap/recovery.c bootstrap/wiped.c
 */
#include "bootstrap/recovery.h"
#include "bootstrap/wiped.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#include <sys/stat.h>

#define UUID "0b5d2c1e-0000-4000-8000-000000000001"

static char folder[] = "/tmp/panocrypt-test-luks.XXXXXX";
static char header[128], data[128], out[128];
static const struct luks_where where = { header, NULL };
static struct secret volume_key, recovery, clevis;

static void secret_of(struct secret *ret, const char *text)
{
	assert_ok(secret_copy(ret, text, strlen(text)));
}

static int make(void **state)
{
	const struct luks_format format = { UUID, cipher_default(), 16 * MIB, 4096, 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(header, sizeof(header), "%s/header.img", folder);
	snprintf(data, sizeof(data), "%s/data", folder);
	snprintf(out, sizeof(out), "%s/recovery.txt", folder);
	assert_ok(file_replace_text(data, "", 0600));
	assert_int_equal(truncate(data, 128 * MIB), 0);
	assert_ok(recovery_generate(&recovery));
	secret_of(&clevis, "Zm9ydHktdGhyZWUgY2hhcmFjdGVycyBvZiBiYXNlNjR1cmw");
	assert_ok(luks_make_header(header, data, &format, &recovery, &volume_key));
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	unlink(header);
	unlink(data);
	unlink(out);
	secret_done(&volume_key);
	secret_done(&recovery);
	secret_done(&clevis);
	return rmdir(folder); /* fails when a temporary file is left */
}

static void header_is_what_was_asked(void **state)
{
	struct luks_status status;
	struct stat st;
	uint64_t bytes = 0;

	(void)state;
	assert_ok(luks_look(&where, &status));
	assert_true(status.is_luks2);
	assert_string_equal(status.uuid, UUID);
	assert_int_equal(status.data_offset_bytes, 16 * MIB);
	assert_int_equal(status.slot_count, 1);
	assert_false(status.is_reencrypting);
	assert_ok(luks_header_bytes(&where, &bytes));
	assert_int_equal(bytes, 16 * MIB);
	assert_int_equal(stat(header, &st), 0);
	assert_int_equal(st.st_size, 16 * MIB);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(volume_key.len, 64);
}

static void other_content_is_no_luks(void **state)
{
	struct luks_status status = { .is_luks2 = true };

	(void)state;
	assert_ok(luks_look(&(struct luks_where){ data, NULL }, &status));
	assert_false(status.is_luks2);
	assert_true(luks_look(&(struct luks_where){ "/nowhere/at/all", NULL }, &status) < 0);
	assert_said("/nowhere/at/all");
}

static void recovery_passphrase_opens(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_SECRET struct secret wrong = SECRET_EMPTY;

	(void)state;
	assert_int_equal(luks_try_passphrase(&where, &recovery), 0);
	assert_ok(luks_volume_key(&where, &recovery, &key));
	assert_true(secret_equal(&key, &volume_key));
	secret_of(&wrong, "wrong");
	assert_int_equal(luks_try_passphrase(&where, &wrong), -EPERM);
	assert_string_equal(fail_text(), "");
}

static void clevis_slot_and_token(void **state)
{
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "x");
	CLEANUP_JSON json_t *found = NULL;
	int slot = -1;

	(void)state;
	assert_int_equal(luks_clevis_jwe(&where, &found, &slot), -ENOENT);
	assert_ok(luks_bind_clevis(&where, &volume_key, &clevis, jwe));
	assert_int_equal(luks_try_passphrase(&where, &clevis), 1);
	assert_ok(luks_clevis_jwe(&where, &found, &slot));
	assert_int_equal(slot, 1);
	assert_true(json_equal(found, jwe));
}

static void binding_needs_the_right_key(void **state)
{
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "x");
	CLEANUP_SECRET struct secret wrong = SECRET_EMPTY;

	(void)state;
	assert_ok(secret_random(&wrong, 64));
	assert_true(luks_bind_clevis(&where, &wrong, &clevis, jwe) < 0);
}

static void own_tokens(void **state)
{
	CLEANUP_JSON json_t *token = json_pack("{s:s, s:[], s:i}", "type", "panocrypt-x",
					       "keyslots", "n", 1);
	CLEANUP_JSON json_t *found = NULL;
	struct luks_status before, after;

	(void)state;
	assert_ok(luks_look(&where, &before));
	assert_ok(luks_token_set(&where, token));
	json_object_set_new(token, "n", json_integer(2));
	assert_ok(luks_token_set(&where, token)); /* replaces */
	assert_ok(luks_token_get(&where, "panocrypt-x", &found));
	assert_true(json_equal(found, token));
	assert_ok(luks_token_remove(&where, "panocrypt-x"));
	assert_ok(luks_token_remove(&where, "panocrypt-x"));
	assert_ok(luks_look(&where, &after));
	assert_int_equal(before.token_count, after.token_count);
}

static void unwiped_mark(void **state)
{
	(void)state;
	assert_int_equal(wiped_is_pending(&where), 0);
	assert_ok(wiped_set_pending(&where));
	assert_int_equal(wiped_is_pending(&where), 1);
	assert_ok(wiped_set_done(&where));
	assert_int_equal(wiped_is_pending(&where), 0);
}

static void recovery_passphrase_has_its_form(void **state)
{
	CLEANUP_SECRET struct secret other = SECRET_EMPTY;

	(void)state;
	assert_int_equal(recovery.len, 47);
	for (size_t i = 0; i < recovery.len; i++)
		assert_non_null(strchr(i % 6 == 5 ? "-" : "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
				       recovery.data[i]));
	assert_ok(recovery_generate(&other));
	assert_false(secret_equal(&other, &recovery));
}

static void recovery_is_sealed_under_the_volume_key(void **state)
{
	CLEANUP_SECRET struct secret opened = SECRET_EMPTY;
	CLEANUP_SECRET struct secret wrong = SECRET_EMPTY;

	(void)state;
	assert_int_equal(recovery_open(&where, &volume_key, &opened), -ENOENT);
	assert_ok(recovery_seal(&where, &volume_key, &recovery));
	assert_ok(recovery_open(&where, &volume_key, &opened));
	assert_true(secret_equal(&opened, &recovery));
	assert_ok(secret_random(&wrong, 64));
	secret_done(&opened);
	assert_int_equal(recovery_open(&where, &wrong, &opened), -EBADMSG);
	assert_ok(recovery_forget(&where));
	assert_int_equal(recovery_open(&where, &volume_key, &opened), -ENOENT);
}

static void recovery_file_is_never_replaced(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct stat st;

	(void)state;
	assert_ok(recovery_write_file(out, &recovery));
	assert_ok(recovery_write_file(out, &recovery)); /* the same: fine */
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(file_read(out, 100, &text, NULL));
	assert_int_equal(strlen(text), recovery.len + 1);
	assert_memory_equal(text, recovery.data, recovery.len);
	assert_int_equal(recovery_write_file(out, &clevis), -EEXIST);
	assert_said("holds something else");
}

static void salts_are_found(void **state)
{
	struct luks_salts salts;

	(void)state;
	assert_ok(luks_salts(&where, &salts));
	assert_int_equal(salts.count, 3); /* two slots, one digest */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_what_was_asked),
		cmocka_unit_test(other_content_is_no_luks),
		cmocka_unit_test(recovery_passphrase_opens),
		cmocka_unit_test(clevis_slot_and_token),
		cmocka_unit_test(binding_needs_the_right_key),
		cmocka_unit_test(own_tokens),
		cmocka_unit_test(unwiped_mark),
		cmocka_unit_test(recovery_passphrase_has_its_form),
		cmocka_unit_test(recovery_is_sealed_under_the_volume_key),
		cmocka_unit_test(recovery_file_is_never_replaced),
		cmocka_unit_test(salts_are_found),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
