/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a long phase says how far it is.
 * UNIT_SOURCES: bootstrap/pace.c bootstrap/progress.c
 */
#include "bootstrap/pace.h"

#include "tests/unit/unit.h"

static unsigned reports;
static struct progress reported;
static struct job job = { .state_dir = "/nowhere" };

void report_running(struct reporter *reporter, const struct progress *progress)
{
	assert_non_null(reporter->intent);
	reports++;
	reported = *progress;
}

int progress_write(const char *dir, const struct progress *progress UNUSED)
{
	assert_string_equal(dir, RUN_DIR);
	return 0;
}

static void says_first_and_last_at_once(void **state UNUSED)
{
	struct pace pace;

	reports = 0;
	pace_start(&pace, &job, "wipe", 100);
	pace_step(&pace, 0);
	assert_int_equal(reports, 1);
	for (uint64_t i = 1; i < 100; i++)
		pace_step(&pace, i);
	assert_int_equal(reports, 1);
	pace_step(&pace, 100);
	pace_step(&pace, 100);
	assert_int_equal(reports, 2);
	assert_string_equal(reported.phase, "wipe");
	assert_int_equal(reported.done_bytes, 100);
	assert_int_equal(reported.total_bytes, 100);
}

static void says_a_wait_and_its_end_at_once(void **state UNUSED)
{
	struct pace pace;

	reports = 0;
	pace_start(&pace, &job, "encrypt", 0);
	pace_wait(&pace, "");
	assert_int_equal(reports, 0);
	pace_wait(&pace, "key");
	assert_int_equal(reports, 1);
	assert_string_equal(reported.waiting, "key");
	pace_wait(&pace, "");
	assert_int_equal(reports, 2);
	assert_string_equal(reported.waiting, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_first_and_last_at_once),
		cmocka_unit_test(says_a_wait_and_its_end_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
