/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The remembered sentence: replaced, framed, bounded, one per thread.
 */
#include "tests/unit/unit.h"

#include <pthread.h>

static void says_the_last_sentence(void **state)
{
	(void)state;
	assert_int_equal(fail(-EIO, "first %d", 1), -EIO);
	assert_int_equal(fail(-ENOSPC, "second %s", "x"), -ENOSPC);
	assert_string_equal(fail_text(), "second x");
	fail_clear();
	assert_string_equal(fail_text(), "");
}

static void frames_it(void **state)
{
	(void)state;
	fail(-EIO, "inner");
	assert_int_equal(fail_at(-EIO, "outer %d", 2), -EIO);
	assert_string_equal(fail_text(), "outer 2: inner");
	fail_clear();
	fail_at(-ENOENT, "alone");
	assert_string_equal(fail_text(), "alone: No such file or directory");
}

static void may_quote_itself(void **state)
{
	(void)state;
	fail(-EIO, "inner");
	fail(-EIO, "again: %s", fail_text());
	assert_string_equal(fail_text(), "again: inner");
}

static void stays_within_bounds(void **state)
{
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fail(-EIO, "%s", big);
	assert_int_equal(strlen(fail_text()), FAIL_TEXT_MAX - 1);
	fail_at(-EIO, "%s", big);
	assert_int_equal(strlen(fail_text()), FAIL_TEXT_MAX - 1);
}

static void *other_thread(void *unused)
{
	fail(-EIO, "other");
	return unused;
}

static void belongs_to_its_thread(void **state)
{
	pthread_t thread;

	(void)state;
	fail(-EIO, "mine");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(fail_text(), "mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_the_last_sentence), cmocka_unit_test(frames_it),
		cmocka_unit_test(may_quote_itself),	  cmocka_unit_test(stays_within_bounds),
		cmocka_unit_test(belongs_to_its_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
