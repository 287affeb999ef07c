/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Child processes: exit status, output, secrets on standard input, deadlines, environment.
 * UNIT_SOURCES: bootstrap/spawn*.c
 */
#include "bootstrap/spawn.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define SH(script)                                                                                 \
	{                                                                                          \
		"sh", "-c", script                                                                 \
	}

static void test_status(void **state)
{
	struct spawn seven = { .argv = SH("exit 7") },
		     none = { .argv = { "no-such-program-here" } };
	struct spawn killed = { .argv = SH("kill -9 $$") };

	(void)state;
	assert_int_equal(spawn_status(&seven), 7);
	assert_int_equal(spawn_run(&seven), -EIO);
	assert_int_equal(spawn_status(&none), -ENOENT);
	assert_non_null(strstr(fail_text(), "no-such-program-here is not installed"));
	assert_int_equal(spawn_status(&killed), -EIO);
}

static void test_tail_of_both(void **state)
{
	struct spawn loud = { .argv = SH("echo one; echo two >&2; exit 1") };
	struct spawn quiet = { .argv = SH("echo never >&2; exit 1"), .is_quiet = true };

	(void)state;
	assert_int_equal(spawn_run(&loud), -EIO);
	assert_non_null(strstr(fail_text(), "sh failed (exit status 1): "));
	assert_non_null(strstr(fail_text(), "one"));
	assert_non_null(strstr(fail_text(), "two"));
	assert_null(strchr(fail_text(), '\n'));
	assert_int_equal(spawn_run(&quiet), -EIO);
	assert_null(strstr(fail_text(), "never"));
}

static void test_long_tail_is_cut(void **state)
{
	struct spawn loud = { .argv = SH("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; "
					 "i=$((i+1)); done; exit 1") };

	(void)state;
	assert_int_equal(spawn_run(&loud), -EIO);
	assert_non_null(strstr(fail_text(), "line 2999"));
	assert_null(strstr(fail_text(), "line 1;"));
}

static void test_text(void **state)
{
	struct spawn many = {
		.argv = SH("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done")
	};
	struct spawn over = many, empty = { .argv = { "true" } };
	CLEANUP_FREE char *text = NULL, *nothing = NULL, *unset = NULL;

	(void)state;
	assert_int_equal(spawn_text(&many, &text), 0);
	assert_int_equal(strlen(text), 220000);
	assert_int_equal(spawn_text(&empty, &nothing), 0);
	assert_string_equal(nothing, "");
	over.output_max_bytes = 1000;
	assert_int_equal(spawn_text(&over, &unset), -E2BIG);
	assert_null(unset);
}

static void test_secret_through(void **state)
{
	CLEANUP_SECRET struct secret in = SECRET_EMPTY, out = SECRET_EMPTY, none = SECRET_EMPTY;
	struct spawn cat = { .argv = { "cat" }, .input_secret = &in };
	struct spawn silent = { .argv = { "true" }, .input_secret = &in };

	(void)state;
	assert_int_equal(secret_random(&in, 5000), 0);
	assert_int_equal(spawn_secret(&cat, &out), 0);
	assert_true(secret_equal(&in, &out));
	assert_int_equal(spawn_secret(&silent, &none), -ENODATA);
	assert_null(none.data);
}

static void test_unread_input(void **state)
{
	CLEANUP_FREE char *big = malloc(1000001);
	struct spawn deaf = { .argv = { "true" }, .input_text = big };

	(void)state;
	memset(big, 'x', 1000000);
	big[1000000] = '\0';
	assert_int_equal(spawn_status(&deaf), 0);
}

static void test_input_default(void **state)
{
	struct spawn cat = { .argv = { "cat" }, .timeout_s = 5 };

	(void)state;
	assert_int_equal(spawn_status(&cat), 0);
}

static void test_deadline_kills_group(void **state)
{
	struct spawn slow = { .argv = SH("sleep 1000 & echo $! >/tmp/panocrypt-spawn-pid; wait"),
			      .timeout_s = 1 };
	time_t start = time(NULL);
	FILE *file;
	int pid = 0;

	(void)state;
	assert_int_equal(spawn_status(&slow), -ETIMEDOUT);
	assert_true(time(NULL) - start < 10);
	file = fopen("/tmp/panocrypt-spawn-pid", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	unlink("/tmp/panocrypt-spawn-pid");
	/* the kill is delivered at once; the process may still be a zombie of init for a moment */
	for (int i = 0; i < 500 && kill(pid, 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill(pid, 0), -1);
}

static void test_left_behind(void **state)
{
	/* A daemon that keeps our pipe open must not keep us waiting. */
	struct spawn daemon = { .argv = SH("sleep 5 & echo started"), .timeout_s = 4 };
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_int_equal(spawn_text(&daemon, &text), 0);
	assert_string_equal(text, "started\n");
}

static void test_environment(void **state)
{
	static const char *const extra[] = { "PANO=crypt", NULL };
	struct spawn env = { .argv = { "env" }, .extra_env = extra };
	CLEANUP_FREE char *text = NULL;

	(void)state;
	setenv("TERM", "xterm", 1);
	setenv("PANOCRYPT_ENROLLMENT_KEY", "secret", 1);
	assert_int_equal(spawn_text(&env, &text), 0);
	assert_string_equal(
		text, "PATH=/usr/sbin:/sbin:/usr/bin:/bin\nLC_ALL=C\nHOME=/root\nPANO=crypt\n");
}

static void test_has(void **state)
{
	(void)state;
	assert_true(spawn_has("sh"));
	assert_true(spawn_has("/bin/sh"));
	assert_false(spawn_has("no-such-program-here"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_tail_of_both),
		cmocka_unit_test(test_long_tail_is_cut),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_secret_through),
		cmocka_unit_test(test_unread_input),
		cmocka_unit_test(test_input_default),
		cmocka_unit_test(test_deadline_kills_group),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
