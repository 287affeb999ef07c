/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long to rest between two steps, and the disk's counters.
 * UNIT_SOURCES: bootstrap/throttle.c
 */
#include "bootstrap/throttle.h"

#include "tests/unit/unit.h"

static const struct row {
	struct throttle_step step;
	uint64_t max_bytes_per_s, rest_ms;
	const char *why;
} rows[] = {
	{ { 16 * MIB, 32 * MIB, 100, 0 }, 0, 0, "no limit, load not known" },
	{ { 16 * MIB, 32 * MIB, 100, 32 * MIB }, 0, 0, "alone on the disk" },
	{ { 16 * MIB, 32 * MIB, 100, 33 * MIB }, 0, 0, "a trickle" },
	{ { 16 * MIB, 32 * MIB, 100, 20 * MIB }, 0, 0, "less than its own: merged or cached" },
	{ { 16 * MIB, 32 * MIB, 100, 64 * MIB }, 0, 200, "others want as much" },
	{ { 16 * MIB, 32 * MIB, 100, 48 * MIB }, 0, 100, "others want half as much" },
	{ { 16 * MIB, 32 * MIB, 100, GIB }, 0, 200, "others want everything: a third is left" },
	{ { 16 * MIB, 32 * MIB, 60000, GIB }, 0, 5000, "a slow disk: never longer than 5 s" },
	{ { 16 * MIB, 32 * MIB, 100, 0 }, 16 * MIB, 900, "a limit" },
	{ { 16 * MIB, 32 * MIB, 2000, 0 }, 16 * MIB, 0, "slower than the limit anyway" },
	{ { 16 * MIB, 32 * MIB, 100, 64 * MIB }, 16 * MIB, 900, "the longer of both" },
	{ { 16 * MIB, 32 * MIB, 800, GIB }, 16 * MIB, 1600, "the longer of both" },
	{ { 16 * MIB, 32 * MIB, 0, 0 }, MIB, 16000, "a low limit" },
	{ { 0, 0, 0, GIB }, MIB, 0, "no step" },
};

static void rests(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t rest = throttle_rest_ms(&rows[i].step, rows[i].max_bytes_per_s);

		if (rest != rows[i].rest_ms)
			fail_msg("%s: %llu", rows[i].why, (unsigned long long)rest);
	}
}

static void stat_lines(void **state UNUSED)
{
	static const char *const bad[] = { "",
					   "\n",
					   "1 2 3 4 5 6",
					   "1 2 x 4 5 6 7",
					   "-1 2 3 4 5 6 7",
					   "1 2 99999999999999999999 4 5 6 7" };
	uint64_t bytes = 0;

	assert_ok(throttle_parse_stat("   11     5     8       1       22   6    24   1  0 5 6\n",
				      &bytes));
	assert_int_equal(bytes, 32 * 512);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(throttle_parse_stat(bad[i], &bytes), -EBADMSG);
	assert_int_equal(bytes, 32 * 512);
}

static void what_has_no_counter(void **state UNUSED)
{
	int fd = -1;

	assert_int_equal(load_open("/etc/passwd", &fd), -ENOENT);
	assert_int_equal(load_open("/no/such/thing", &fd), -ENOENT);
	assert_int_equal(load_look(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rests),
		cmocka_unit_test(stat_lines),
		cmocka_unit_test(what_has_no_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
