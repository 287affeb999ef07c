/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pause and resume: what is written down, and what is refused.
 * UNIT_SOURCES: bootstrap/verb_pause.c bootstrap/wish.c bootstrap/intent.c
 */
#include "bootstrap/block.h"
#include "bootstrap/intent.h"
#include "bootstrap/unlock.h"
#include "bootstrap/verbs.h"
#include "bootstrap/wish.h"

#include "common/file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/test_pause.XXXXXX";
static struct config config;
static struct wish wish;

uid_t geteuid(void)
{
	return 0;
}

static bool is_encrypted, opens;
static unsigned keys_brought;

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	assert_string_equal(tag, "UUID");
	assert_string_equal(value, "u0");
	snprintf(ret, size, "/dev/root");
	return is_encrypted ? 0 : -ENODEV;
}

int unlock_keep(const char *luks_uuid, const struct luks_where *where,
		const struct secret *passphrase)
{
	assert_string_equal(luks_uuid, "u0");
	assert_string_equal(where->header, "/dev/root");
	assert_int_equal(passphrase->len, strlen("the passphrase"));
	if (!opens)
		return -EPERM;
	keys_brought++;
	return 0;
}

static void path_of(char ret[static 128], const char *name)
{
	snprintf(ret, 128, "%s/%s", folder, name);
}

static int setup(void **state UNUSED)
{
	static const struct intent intent = { .device = "d0", .luks_uuid = "u0" };

	config = (struct config){ .state_dir = folder, .max_rate = CONFIG_NO_RATE };
	return intent_write(folder, &intent);
}

static int teardown(void **state UNUSED)
{
	char path[128];

	path_of(path, WISH_FILE);
	unlink(path);
	path_of(path, INTENT_FILE);
	unlink(path);
	path_of(path, INTENT_COPY_FILE);
	unlink(path);
	return 0;
}

static void nothing_is_wanted_at_first(void **state UNUSED)
{
	wish.is_paused = true;
	assert_ok(wish_read(folder, &wish));
	assert_false(wish.is_paused);
	assert_int_equal(wish.max_bytes_per_s, 0);
}

static void pause_and_resume(void **state UNUSED)
{
	config.max_rate = 20 * MIB;
	assert_ok(verb_pause(&config));
	assert_ok(wish_read(folder, &wish));
	assert_true(wish.is_paused);
	assert_int_equal(wish.max_bytes_per_s, 20 * MIB);
	config.max_rate = CONFIG_NO_RATE; /* not said again: stays */
	assert_ok(verb_resume(&config));
	assert_ok(wish_read(folder, &wish));
	assert_false(wish.is_paused);
	assert_int_equal(wish.max_bytes_per_s, 20 * MIB);
	config.max_rate = 0;
	assert_ok(verb_resume(&config));
	assert_ok(wish_read(folder, &wish));
	assert_int_equal(wish.max_bytes_per_s, 0);
}

static void brings_the_key(void **state UNUSED)
{
	char path[128];

	path_of(path, "passphrase");
	config.recovery_passphrase_file = path;
	assert_int_equal(verb_resume(&config), -ENOENT);
	assert_said("passphrase file");
	assert_ok(file_replace_text(path, "the passphrase\n", 0600));
	is_encrypted = false;
	assert_int_equal(verb_resume(&config), -ENODEV);
	assert_said("isn't encrypted yet");
	is_encrypted = true;
	opens = false;
	assert_int_equal(verb_resume(&config), -EPERM);
	assert_said("opens no keyslot");
	assert_int_equal(keys_brought, 0);
	opens = true;
	assert_ok(verb_pause(&config)); /* doesn't need it */
	assert_int_equal(keys_brought, 0);
	assert_ok(verb_resume(&config));
	assert_int_equal(keys_brought, 1);
	unlink(path);
	config.recovery_passphrase_file = NULL;
}

static void not_without_a_conversion(void **state UNUSED)
{
	char path[128];

	path_of(path, INTENT_FILE);
	unlink(path);
	assert_int_equal(verb_pause(&config), -ENOENT);
	assert_said("no conversion");
	path_of(path, WISH_FILE);
	assert_false(file_exists(path));
}

static void damaged_file(void **state UNUSED)
{
	char path[128];

	path_of(path, WISH_FILE);
	assert_ok(file_replace_text(path, "{\"paused\":1}", 0600));
	assert_int_equal(wish_read(folder, &wish), -EBADMSG);
	assert_said(WISH_FILE);
	assert_ok(verb_resume(&config)); /* makes a good one */
	assert_ok(wish_read(folder, &wish));
	path_of(path, INTENT_FILE); /* a damaged intent is not passed over */
	assert_ok(file_replace_text(path, "{}", 0600));
	assert_int_equal(verb_resume(&config), -EBADMSG);
	assert_said("intent");
}

static int make(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_all(void **state UNUSED)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_wanted_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(pause_and_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(brings_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(not_without_a_conversion, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
