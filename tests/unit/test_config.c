/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bootstrapper's options: defaults, environment, flags over it, and what is refused at once.
 * UNIT_SOURCES: bootstrap/cipher.c bootstrap/config.c bootstrap/free_space.c
 */
#include "bootstrap/config.h"

#include "common/cleanup.h"
#include "tests/unit/unit.h"

#define ARGS_MAX 8

/* Parses up to three words behind a verb. */
static int parse(struct config *ret, const char *a, const char *b, const char *c)
{
	char words[ARGS_MAX][256];
	char *argv[ARGS_MAX] = { strcpy(words[0], "run") };
	const char *const from[] = { a, b, c };
	int argc = 1;
	size_t i;

	for (i = 0; i < 3 && from[i]; i++) {
		argv[argc] = strcpy(words[argc], from[i]);
		argc++;
	}
	return config_parse(ret, argc, argv);
}

static void clear_environment(void)
{
	static const char *const names[] = { "SERVER",	  "ENROLLMENT_KEY",
					     "CA",	  "RECOVERY_PASSPHRASE_FILE",
					     "BOOT_SIZE", "LEAVE_PLAIN",
					     "YES",	  "FINAL_REBOOT" };
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof(name), "PANOCRYPT_%s", names[i]);
		unsetenv(name);
	}
}

static int setup(void **state UNUSED)
{
	clear_environment();
	return 0;
}

static void has_defaults(void **state UNUSED)
{
	struct config config;

	assert_ok(parse(&config, NULL, NULL, NULL));
	assert_null(config.server);
	assert_null(config.enrollment_key);
	assert_string_equal(config.state_dir, "/var/lib/panocrypt");
	assert_string_equal(config.recovery_output, "/root/panocrypt-recovery-passphrase.txt");
	assert_int_equal(config.boot_bytes, 768 * MIB);
	assert_string_equal(config.free_space, "zero");
	assert_string_equal(config.coverage, "used");
	assert_string_equal(config.cipher, "auto");
	assert_int_equal(config.max_rate, CONFIG_NO_RATE);
	assert_false(config.yes || config.json || config.final_reboot || config.force_platform);
}

static void flags_win_over_the_environment(void **state UNUSED)
{
	struct config config;

	setenv("PANOCRYPT_SERVER", "https://env.example.com", 1);
	setenv("PANOCRYPT_ENROLLMENT_KEY", "abcd-efghj-kmn", 1);
	setenv("PANOCRYPT_LEAVE_PLAIN", "/srv,/data", 1);
	setenv("PANOCRYPT_YES", "1", 1);
	assert_ok(parse(&config, NULL, NULL, NULL));
	assert_string_equal(config.server, "https://env.example.com");
	assert_int_equal(config.leave_plain.count, 2);
	assert_true(config.yes);
	assert_ok(parse(&config, "--server=https://flag.example.com:8444/", "--boot-size", "1G"));
	assert_string_equal(config.server, "https://flag.example.com:8444/");
	assert_int_equal(config.boot_bytes, GIB);
}

static void refuses_bad_values(void **state UNUSED)
{
	static const struct {
		const char *flag, *value, *sentence;
	} cases[] = {
		{ "--server", "http://plain.example.com", "https://" },
		{ "--server", "unlock.example.com", "https://" },
		{ "--server", "https://", "https://" },
		{ "--server", "https:///path", "https://" },
		{ "--server", "https://user@host", "without a user" },
		{ "--server", "https://host?x", "query" },
		{ "--server", "https://a b", "spaces" },
		{ "--enrollment-key", "ABCD", "--enrollment-key" },
		{ "--enrollment-key", "UUUU-UUUUU-UUU", "--enrollment-key" },
		{ "--boot-size", "64M", "256M" },
		{ "--boot-size", "300000000", "mebibytes" },
		{ "--boot-size", "big", "--boot-size" },
		{ "--recovery-output", "here.txt", "full path" },
		{ "--leave-plain", "srv", "mount point" },
		{ "--leave-plain", "/a,/b", "mount point" },
		{ "--free-space", "shred", "--free-space" },
		{ "--coverage", "half", "--coverage" },
		{ "--cipher", "aes-cbc-essiv:sha256", "--cipher" },
		{ "--max-rate", "100K", "256K" },
		{ "--max-rate", "fast", "--max-rate" },
		{ "--no-such-option", "x", "--no-such-option" },
	};
	struct config config;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(&config, cases[i].flag, cases[i].value, NULL), -EINVAL);
		assert_said(cases[i].sentence);
	}
	assert_int_equal(parse(&config, "word", NULL, NULL), -EINVAL);
	assert_said("word");
}

static void takes_good_values(void **state UNUSED)
{
	static const char *const names[] = { "zero", "random", "discard", "keep" };
	struct config config;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_ok(parse(&config, "--free-space", names[i], NULL));
	assert_ok(parse(&config, "--cipher", "xchacha20,aes-adiantum-plain64", NULL));
	assert_string_equal(config.cipher, "xchacha20,aes-adiantum-plain64");
	assert_ok(parse(&config, "--coverage", "full", "--max-rate=20M"));
	assert_string_equal(config.coverage, "full");
	assert_int_equal(config.max_rate, 20 * MIB);
	assert_false(config.rotate_after);
	assert_ok(parse(&config, "--rotate-after", NULL, NULL));
	assert_true(config.rotate_after);
	assert_ok(parse(&config, "--max-rate", "0", NULL));
	assert_int_equal(config.max_rate, 0);
}

/* The key may be typed wrong, but must not be shown to everybody who reads the log. */
static void never_repeats_the_key(void **state UNUSED)
{
	struct config config;

	assert_true(parse(&config, "--enrollment-key", "ABCD-SECRET-SECRET", NULL) < 0);
	assert_null(strstr(fail_text(), "SECRET"));
}

static void help_names_every_option_but_hidden_ones(void **state UNUSED)
{
	CLEANUP_FREE char *text = NULL;
	struct config config;
	size_t i;

	assert_ok(options_usage(config_rows, config_row_count, &text));
	for (i = 0; i < config_row_count; i++) {
		char flag[64];

		snprintf(flag, sizeof(flag), "-%s", config_rows[i].flag);
		assert_non_null(strstr(text, flag));
	}
	assert_null(strstr(text, "state-dir"));
	assert_ok(parse(&config, "--state-dir", "/tmp/x", NULL));
	assert_string_equal(config.state_dir, "/tmp/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(has_defaults, setup),
		cmocka_unit_test_setup(flags_win_over_the_environment, setup),
		cmocka_unit_test_setup(refuses_bad_values, setup),
		cmocka_unit_test_setup(takes_good_values, setup),
		cmocka_unit_test_setup(never_repeats_the_key, setup),
		cmocka_unit_test_setup(help_names_every_option_but_hidden_ones, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
