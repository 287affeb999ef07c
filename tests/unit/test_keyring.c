/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume key in the kernel's user keyring: there, readable, gone. Skipped where the kernel or
 * the container gives no keyring.
 * UNIT_SOURCES: bootstrap/keyring.c
 */
#include "bootstrap/keyring.h"

#include "tests/unit/unit.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>

#define UUID "0b5d2c1e-0000-4000-8000-000000000002"

static bool has_keyring(void)
{
	return syscall(SYS_add_key, "user", "panocrypt-test", "x", 1, KEY_SPEC_PROCESS_KEYRING) >=
	       0;
}

static void put_get_drop(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_SECRET struct secret found = SECRET_EMPTY;

	(void)state;
	if (!has_keyring())
		skip();
	assert_int_equal(keyring_get(UUID, 0, &found), -ENOKEY);
	assert_string_equal(fail_text(), "");
	assert_ok(secret_random(&key, 64));
	assert_ok(keyring_put(UUID, 0, &key, 60));
	assert_ok(keyring_put(UUID, 0, &key, 60)); /* once more: replaced */
	assert_ok(keyring_get(UUID, 0, &found));
	assert_true(secret_equal(&key, &found));
	assert_ok(keyring_drop(UUID));
	secret_done(&found);
	assert_int_equal(keyring_get(UUID, 0, &found), -ENOKEY);
	assert_ok(keyring_drop(UUID));
}

static void two_keys_of_one_volume(void **state)
{
	CLEANUP_SECRET struct secret first = SECRET_EMPTY, next = SECRET_EMPTY,
				     found = SECRET_EMPTY;

	(void)state;
	if (!has_keyring())
		skip();
	assert_ok(secret_copy(&first, "first", 5));
	assert_ok(secret_copy(&next, "next", 4));
	assert_ok(keyring_put(UUID, 0, &first, 60));
	assert_int_equal(keyring_get(UUID, 1, &found), -ENOKEY);
	assert_ok(keyring_put(UUID, 1, &next, 60));
	assert_ok(keyring_get(UUID, 0, &found));
	assert_true(secret_equal(&first, &found));
	secret_done(&found);
	assert_ok(keyring_get(UUID, 1, &found));
	assert_true(secret_equal(&next, &found));
	assert_ok(keyring_drop(UUID));
	secret_done(&found);
	assert_int_equal(keyring_get(UUID, 0, &found), -ENOKEY);
	assert_int_equal(keyring_get(UUID, 1, &found), -ENOKEY);
}

static void key_goes_by_itself(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_SECRET struct secret found = SECRET_EMPTY;
	int r = 0;

	(void)state;
	if (!has_keyring())
		skip();
	assert_ok(secret_random(&key, 64));
	assert_ok(keyring_put(UUID, 0, &key, 1));
	for (int i = 0; i < 50 && r != -ENOKEY; i++) {
		usleep(100000);
		secret_done(&found);
		r = keyring_get(UUID, 0, &found);
	}
	assert_int_equal(r, -ENOKEY);
	assert_ok(keyring_drop(UUID));
}

/* As in a shell that systemd has started: its session keyring doesn't lead to the user keyring. */
static void from_another_session(void **state)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, found = SECRET_EMPTY;

	(void)state;
	if (!has_keyring())
		skip();
	assert_true(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) > 0);
	assert_ok(secret_copy(&key, "volume key", 10));
	assert_ok(keyring_put(UUID, 0, &key, 60));
	assert_ok(keyring_get(UUID, 0, &found));
	assert_int_equal(found.len, 10);
	assert_ok(keyring_drop(UUID));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_get_drop),
		cmocka_unit_test(two_keys_of_one_volume),
		cmocka_unit_test(key_goes_by_itself),
		cmocka_unit_test(from_another_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
