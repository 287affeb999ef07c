/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rate_allows(): bursts, refill, and that one source doesn't slow another.
 * UNIT_SOURCES: server/rate.c
 */
#include "server/rate.h"

#include "tests/unit/unit.h"

static unsigned spend(struct rate_table *table, enum rate_class class,
		      const struct source_address *source, uint64_t now_ms)
{
	unsigned count = 0;

	while (count < 100000 && rate_allows(table, class, source, now_ms))
		count++;
	return count;
}

static void slows_a_flood(void **state)
{
	struct source_address one = { .bytes = { [15] = 1 } }, two = { .bytes = { [15] = 2 } };
	struct rate_table *table;
	unsigned burst;

	(void)state;
	assert_ok(rate_open(&table));
	burst = spend(table, RATE_CLASS_ENROLL, &one, 1000);
	assert_in_range(burst, 50, 1000);
	assert_int_equal(spend(table, RATE_CLASS_ENROLL, &two, 1000), burst);
	assert_int_not_equal(spend(table, RATE_CLASS_PEOPLE, &one, 1000), 0);
	assert_false(rate_allows(table, RATE_CLASS_ENROLL, &one, 1010));
	assert_in_range(spend(table, RATE_CLASS_ENROLL, &one, 2010), 1, burst - 1);
	assert_int_equal(spend(table, RATE_CLASS_ENROLL, &one, 10000000), burst);
	rate_close(table);
}

static void forgets_the_quiet(void **state)
{
	struct source_address one = { .bytes = { [15] = 1 } };
	struct rate_table *table;

	(void)state;
	assert_ok(rate_open(&table));
	for (unsigned i = 0; i < 100000; i++) {
		struct source_address many = { .bytes = { 2 } };

		memcpy(many.bytes + 8, &i, sizeof(i));
		assert_true(rate_allows(table, RATE_CLASS_PUBLIC, &many, 1000 + i));
	}
	assert_true(rate_allows(table, RATE_CLASS_PUBLIC, &one, 200000));
	rate_close(table);
}

/* Looking is free, and true to what counting would say. */
static void looks_without_counting(void **state)
{
	struct source_address one = { .bytes = { [15] = 1 } };
	struct rate_table *table;

	(void)state;
	assert_ok(rate_open(&table));
	for (unsigned i = 0; i < 100000; i++)
		assert_false(rate_is_used_up(table, RATE_CLASS_FAILED, &one, 1000));
	assert_int_not_equal(spend(table, RATE_CLASS_FAILED, &one, 1000), 0);
	assert_true(rate_is_used_up(table, RATE_CLASS_FAILED, &one, 1000));
	assert_false(rate_is_used_up(table, RATE_CLASS_DEVICE, &one, 1000));
	assert_false(rate_is_used_up(table, RATE_CLASS_FAILED, &one, 3000));
	rate_close(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slows_a_flood),
		cmocka_unit_test(forgets_the_quiet),
		cmocka_unit_test(looks_without_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
