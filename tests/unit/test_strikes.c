/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a run that always dies at the same place isn't begun again.
 * UNIT_SOURCES: bootstrap/strikes.c
 */
#include "bootstrap/strikes.h"

#include "common/file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/test_strikes.XXXXXX";
static char path[128];

static void one_more_is_refused(void **state UNUSED)
{
	for (unsigned i = 0; i < STRIKES_MOST; i++)
		assert_ok(strikes_begin(folder, 7));
	assert_int_equal(strikes_begin(folder, 7), -EIO);
	assert_said("bad sector");
	assert_int_equal(strikes_begin(folder, 7), -EIO); /* stays so */
	assert_ok(strikes_begin(folder, 8));		  /* another place */
}

static void an_end_in_order_counts_anew(void **state UNUSED)
{
	assert_ok(strikes_clear(folder));
	for (unsigned i = 0; i < 3 * STRIKES_MOST; i++) {
		assert_ok(strikes_begin(folder, 7));
		assert_ok(strikes_clear(folder));
	}
	assert_ok(strikes_clear(folder)); /* also when there is nothing */
}

static void damage_counts_for_nothing(void **state UNUSED)
{
	assert_ok(file_replace_text(path, "{\"done_bytes\":7,\"count\":", 0600));
	assert_ok(strikes_begin(folder, 7));
	assert_ok(strikes_clear(folder));
}

static int make(void **state UNUSED)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/" STRIKES_FILE, folder);
	return 0;
}

static int remove_all(void **state UNUSED)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_more_is_refused),
		cmocka_unit_test(an_end_in_order_counts_anew),
		cmocka_unit_test(damage_counts_for_nothing),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
