/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fstab and crypttab edits: what is ours changes, every other byte stays.
 * UNIT_SOURCES: bootstrap/tabs.c
 */
#include "bootstrap/tabs.h"

#include "common/cleanup.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static const char stock[] =
	"# a comment  with   blanks\n"
	"PARTUUID=1234 / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1\n"
	"\n"
	"PARTUUID=5678\t/boot/efi\tvfat defaults 0 0";

static void change_is(const struct fstab_change *change, const char *before, const char *expected)
{
	CLEANUP_FREE char *after = NULL;

	assert_int_equal(fstab_change(before, change, &after), 0);
	assert_string_equal(after, expected);
}

static void test_change(void **state)
{
	(void)state;
	change_is(&(struct fstab_change){ .mount_point = "/",
					  .new_source = "UUID=abcd",
					  .remove_option = "x-systemd.growfs" },
		  stock,
		  "# a comment  with   blanks\n"
		  "UUID=abcd / ext4 rw,discard,errors=remount-ro 0 1\n"
		  "\n"
		  "PARTUUID=5678\t/boot/efi\tvfat defaults 0 0\n");
	/* the same change again changes nothing */
	change_is(&(struct fstab_change){ .mount_point = "/",
					  .new_source = "UUID=a",
					  .remove_option = "b" },
		  "UUID=a / ext4 c 0 1\n", "UUID=a / ext4 c 0 1\n");
	change_is(&(struct fstab_change){ .mount_point = "/", .remove_option = "b" },
		  "x / ext4 b 0 1\n", "x / ext4 defaults 0 1\n");
	change_is(&(struct fstab_change){ .mount_point = "/", .add_option = "b" },
		  "x / ext4 b,c 0 1\n", "x / ext4 c,b 0 1\n");
}

static void test_change_without_line(void **state)
{
	const struct fstab_change change = { .mount_point = "/", .new_source = "UUID=a" };
	char *after = NULL;

	(void)state;
	assert_int_equal(fstab_change("# nothing / here\nx /home ext4 d 0 0\n", &change, &after),
			 -ENOENT);
	assert_null(after);
}

static void test_set_and_drop(void **state)
{
	CLEANUP_FREE char *with = NULL, *again = NULL, *without = NULL;

	(void)state;
	assert_int_equal(fstab_set("a / x d 0 1", "/boot", "UUID=b /boot ext4 d 0 2", &with), 0);
	assert_string_equal(with, "a / x d 0 1\nUUID=b /boot ext4 d 0 2\n");
	assert_int_equal(fstab_set(with, "/boot", "UUID=b /boot ext4 d 0 2", &again), 0);
	assert_string_equal(again, with);
	assert_int_equal(fstab_drop(with, "/boot", &without), 0);
	assert_string_equal(without, "a / x d 0 1\n");
}

static void test_set_comes_before_what_is_below(void **state)
{
	CLEANUP_FREE char *with = NULL;

	(void)state;
	assert_int_equal(fstab_set("a / x d 0 1\ne /boot/efi v d 0 0\nh /bootleg x d 0 2\n",
				   "/boot", "UUID=b /boot ext4 d 0 2", &with),
			 0);
	assert_string_equal(
		with,
		"a / x d 0 1\nUUID=b /boot ext4 d 0 2\ne /boot/efi v d 0 0\nh /bootleg x d 0 2\n");
}

static void test_crypttab(void **state)
{
	CLEANUP_FREE char *first = NULL, *second = NULL, *gone = NULL;

	(void)state;
	assert_int_equal(crypttab_set("", "cryptroot", "cryptroot UUID=1 none luks,noauto", &first),
			 0);
	assert_string_equal(first, "cryptroot UUID=1 none luks,noauto\n");
	assert_int_equal(
		crypttab_set("# c\ndata x none luks\n  cryptroot y none z\ncryptroot y none z\n",
			     "cryptroot", "cryptroot UUID=1 none luks", &second),
		0);
	assert_string_equal(second, "# c\ndata x none luks\ncryptroot UUID=1 none luks\n");
	assert_int_equal(crypttab_drop(second, "cryptroot", &gone), 0);
	assert_string_equal(gone, "# c\ndata x none luks\n");
}

static void test_options(void **state)
{
	char options[64], small[8];

	(void)state;
	assert_int_equal(fstab_options(stock, "/", options, sizeof(options)), 0);
	assert_string_equal(options, "rw,discard,errors=remount-ro,x-systemd.growfs");
	assert_int_equal(fstab_options(stock, "/none", options, sizeof(options)), 0);
	assert_string_equal(options, "");
	assert_int_equal(fstab_options(stock, "/", small, sizeof(small)), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_without_line),
		cmocka_unit_test(test_set_and_drop),
		cmocka_unit_test(test_set_comes_before_what_is_below),
		cmocka_unit_test(test_crypttab),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
