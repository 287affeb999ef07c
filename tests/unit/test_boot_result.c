/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the running system makes of the boot step's result: when another reboot is the way on, and
 * when the run stops with a reason. Files are in memory, so that the paths can be the real ones.
 * UNIT_SOURCES: bootstrap/boot_step.c tests/unit/fake_files.c
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/intent.h"
#include "common/file.h"

#include "tests/unit/fake_files.h"
#include "tests/unit/unit.h"

#include <string.h>

#define THIS_BOOT "11111111-0000-4000-8000-000000000000"
#define EARLIER "22222222-0000-4000-8000-000000000000"

static struct fake_files files;

static int setup(void **state UNUSED)
{
	memset(&files, 0, sizeof(files));
	fake_files = &files;
	fake_file_put("/proc/sys/kernel/random/boot_id", THIS_BOOT "\n", strlen(THIS_BOOT) + 1);
	fail_clear();
	return 0;
}

/* made_in: the boot in which the image was made; "": it isn't finished. */
static void image_of(const char *made_in)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"state_uuid\":\"x\",\"made_in_boot\":\"%s\"}", made_in);
	assert_ok(file_replace_text(STATE_DIR "/boot.json", text, 0644));
}

static void boot_said(const char *action, const char *phase, bool is_ok)
{
	struct boot_result result = { .is_ok = is_ok, .exists = true, .reason = "a reason" };

	snprintf(result.action, sizeof(result.action), "%s", action);
	snprintf(result.phase, sizeof(result.phase), "%s", phase);
	assert_ok(boot_result_write(&result));
}

static void before_the_first_image(void **state UNUSED)
{
	assert_ok(boot_result_check("rehearse"));
	assert_string_equal(fail_text(), "");
}

static void comes_back_as_written(void **state UNUSED)
{
	struct boot_result result;

	assert_ok(boot_result_read(&result));
	assert_false(result.exists);
	boot_said("carve", "rehearse", false);
	assert_ok(boot_result_read(&result));
	assert_true(result.exists);
	assert_false(result.is_ok);
	assert_string_equal(result.action, "carve");
	assert_string_equal(result.phase, "rehearse");
	assert_string_equal(result.reason, "a reason");
}

/* It hasn't had its chance; what the image before it said counts no more. */
static void an_image_made_in_this_boot(void **state UNUSED)
{
	image_of(THIS_BOOT);
	assert_ok(boot_result_check("rehearse"));
	boot_said("nothing", "look", false);
	assert_ok(boot_result_check("rehearse"));
	boot_said("carve", "rehearse", false);
	assert_ok(boot_result_check("rehearse"));
}

/* A cut before the images were made, or a failure and a reboot: no boot can have known the step. */
static void an_image_that_is_not_made_yet(void **state UNUSED)
{
	image_of("");
	assert_ok(boot_result_check("rehearse"));
}

static void a_boot_around_the_boot_step(void **state UNUSED)
{
	image_of(EARLIER);
	assert_int_equal(boot_result_check("rehearse"), -EIO);
	assert_said("went around");
	assert_ok(boot_result_check("carve")); /* said once, at the first phase that is due */
	assert_ok(file_replace_text(BOOT_STATE_DIR "/" INTENT_FILE, "{}", 0600));
	assert_ok(boot_result_check("rehearse"));
	assert_int_equal(boot_result_check("shrink"), -EIO);
}

static void the_boot_step_stopped(void **state UNUSED)
{
	static const struct {
		const char *phase;
		bool is_on_boot; /* the state has moved to the new /boot */
		const char *stops;
	} stops[] = {
		{ "look", false, "rehearse" }, { "rehearse", false, "rehearse" },
		{ "carve", false, "carve" },   { "redo", false, "carve" },
		{ "look", true, "shrink" },    { "rehearse", true, "shrink" },
		{ "shrink", true, "shrink" },  { "redo", true, "shrink" },
		{ "place", true, "place" },    { "open", true, "open" },
		{ "unlock", true, "open" },
	};
	static const char *const phases[] = { "rehearse", "carve", "shrink", "place", "open" };

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		setup(NULL);
		image_of(EARLIER);
		boot_said("convert", stops[i].phase, false);
		if (stops[i].is_on_boot)
			fake_file_put(BOOT_STATE_DIR "/" INTENT_FILE, "{}", 2);
		for (size_t k = 0; k < ARRAY_SIZE(phases); k++) {
			bool is_it = strcmp(phases[k], stops[i].stops) == 0;

			assert_int_equal(boot_result_check(phases[k]), is_it ? -EIO : 0);
			if (is_it)
				assert_said("a reason");
		}
	}
}

static void done_and_on(void **state UNUSED)
{
	image_of(EARLIER);
	boot_said("carve", "carve", true);
	assert_ok(boot_result_check("carve"));
}

static void a_damaged_result_is_said(void **state UNUSED)
{
	image_of(EARLIER);
	fake_file_put(RUN_DIR "/" BOOT_RESULT_FILE, "{", 1);
	assert_true(boot_result_check("rehearse") < 0);
	assert_said(BOOT_RESULT_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(before_the_first_image, setup),
		cmocka_unit_test_setup(comes_back_as_written, setup),
		cmocka_unit_test_setup(an_image_made_in_this_boot, setup),
		cmocka_unit_test_setup(an_image_that_is_not_made_yet, setup),
		cmocka_unit_test_setup(a_boot_around_the_boot_step, setup),
		cmocka_unit_test_setup(the_boot_step_stopped, setup),
		cmocka_unit_test_setup(done_and_on, setup),
		cmocka_unit_test_setup(a_damaged_result_is_said, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
