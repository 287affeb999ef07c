/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line that people see while a long phase runs.
 * UNIT_SOURCES: bootstrap/pace.c
 */
#include "bootstrap/pace.h"

#include "tests/unit/unit.h"

static unsigned reports;
static double reported_percent;

void report_progress(struct reporter *reporter, const char *phase, enum report_state state,
		     double percent, const char *message)
{
	assert_non_null(reporter->intent);
	assert_string_equal(phase, "wipe");
	assert_int_equal(state, REPORT_RUNNING);
	assert_non_null(message);
	reports++;
	reported_percent = percent;
}

struct row {
	uint64_t done, total, run, ms;
	const char *text;
};

static const struct row rows[] = {
	{ 0, GIB, 0, 0, "0.0 %" },
	{ 0, 0, 0, 0, "0.0 %" },
	{ 512 * MIB, GIB, 512 * MIB, 8000, "50.0 %, 64 MiB/s, 8 s left" },
	/* resumed: the rate is of this run, the percentage of all */
	{ 512 * MIB, GIB, 16 * MIB, 1000, "50.0 %, 16 MiB/s, 32 s left" },
	{ GIB, 100 * GIB, GIB, 16000, "1.0 %, 64 MiB/s, 27 min left" },
	{ GIB, GIB, GIB, 16000, "100.0 %, 64 MiB/s, 0 s left" },
};

static void lines(void **state)
{
	char text[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pace_print(text, sizeof(text), rows[i].done, rows[i].total, rows[i].run,
			   rows[i].ms);
		assert_string_equal(text, rows[i].text);
	}
}

static void says_first_and_last_at_once(void **state)
{
	struct job job = { .state_dir = "/nowhere" };
	struct pace pace;

	(void)state;
	pace_start(&pace, &job, "wipe", 100);
	pace_step(&pace, 0);
	assert_int_equal(reports, 1);
	for (uint64_t i = 1; i < 100; i++)
		pace_step(&pace, i);
	assert_int_equal(reports, 1);
	pace_step(&pace, 100);
	pace_step(&pace, 100);
	assert_int_equal(reports, 2);
	assert_true(reported_percent > 99.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(says_first_and_last_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
