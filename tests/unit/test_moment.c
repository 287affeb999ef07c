/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UNIT_SOURCES: tests/powercut/moment.c */
#include "tests/powercut/moment.h"
#include "tests/unit/unit.h"

#define PHASES "rehearse,carve,bootpart,finished"

static struct moment moment;

static bool say(const char *text, uint64_t now_ms)
{
	return moment_console(&moment, text, strlen(text), now_ms);
}

static void want(const char *target, uint64_t ops, uint64_t ms)
{
	assert_int_equal(moment_init(&moment, PHASES, target), 0);
	moment.ops_wanted = ops;
	moment.ms_wanted = ms;
}

static void operations_count_from_the_guests_line(void **state UNUSED)
{
	want("carve", 2, 0);
	assert_null(moment_due(&moment, MOMENT_OTHER, 0));
	assert_true(say("[    5.1] panocrypt: rehearse: starting\r\n", 10));
	assert_null(moment_due(&moment, MOMENT_OTHER, 11));
	assert_true(say("panocrypt: carve: starting\r\n", 20));
	assert_false(say("[    9.2] panocrypt: carve: starting\r\n", 21));
	assert_null(moment_due(&moment, MOMENT_NO_OP, 21));
	assert_null(moment_due(&moment, MOMENT_OTHER, 22));
	assert_string_equal(moment_due(&moment, MOMENT_OTHER, 23), "ops");
	assert_string_equal(moment.now, "carve");
}

static void a_flush_can_be_waited_for(void **state UNUSED)
{
	want("carve", 2, 0);
	moment.is_flush_wanted = true;
	say("panocrypt: carve: starting\n", 0);
	assert_null(moment_due(&moment, MOMENT_FLUSH, 0));
	assert_null(moment_due(&moment, MOMENT_OTHER, 0));
	assert_null(moment_due(&moment, MOMENT_NO_OP, 0));
	assert_string_equal(moment_due(&moment, MOMENT_FLUSH, 0), "ops");
}

static void time_counts_too(void **state UNUSED)
{
	want("carve", 100, 50);
	say("panocrypt: carve: starting\n", 1000);
	assert_null(moment_due(&moment, MOMENT_NO_OP, 1049));
	assert_string_equal(moment_due(&moment, MOMENT_NO_OP, 1050), "ms");
}

/* The boot step says others in between: they are none of the conversion's order. */
static void a_later_phase_has_passed_it(void **state UNUSED)
{
	want("carve", 100, 0);
	say("panocrypt: carve: starting\npanocrypt: unlock: starting\n", 0);
	assert_string_equal(moment.now, "unlock");
	assert_null(moment_due(&moment, MOMENT_OTHER, 0));
	say("panocrypt: bootpart: starting\n", 0);
	assert_string_equal(moment_due(&moment, MOMENT_NO_OP, 0), "passed");
	want("bootpart", 100, 0);
	say("panocrypt: the conversion is finished\n", 0);
	assert_string_equal(moment_due(&moment, MOMENT_NO_OP, 0), "passed");
	assert_string_equal(moment.now, "finished");
}

static void lines_come_in_pieces_and_others_dont_count(void **state UNUSED)
{
	want("carve", 1, 0);
	assert_false(say("panocrypt: car", 0));
	assert_true(say("ve: starting\n", 0));
	assert_false(
		say("panocrypt: bootpart: done\nbootpart: starting\npanocrypt: : starting\n", 0));
	assert_string_equal(moment.now, "carve");
}

static void no_target_is_never(void **state UNUSED)
{
	want(NULL, 1, 1);
	say("panocrypt: the conversion is finished\n", 0);
	assert_null(moment_due(&moment, MOMENT_OTHER, 1000));
	assert_int_equal(moment_init(&moment, PHASES, "wipe"), -EINVAL);
	assert_int_equal(moment_init(&moment, "carve,,wipe", "wipe"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_count_from_the_guests_line),
		cmocka_unit_test(a_flush_can_be_waited_for),
		cmocka_unit_test(time_counts_too),
		cmocka_unit_test(a_later_phase_has_passed_it),
		cmocka_unit_test(lines_come_in_pieces_and_others_dont_count),
		cmocka_unit_test(no_target_is_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
