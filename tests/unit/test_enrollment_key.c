/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment keys: tolerant reading, one normal form, no repetition in sentences.
 */
#include "common/enrollment_key.h"

#include "tests/unit/unit.h"

static void reads_tolerantly(void **state)
{
	static const char *const spellings[] = {
		"0123-45ABC-XYZ", "0123-45abc-xyz",   "o123-45ABC-XYZ",
		"OI23-45ABC-XYZ", "0l23-45ABC-XYZ",   " 0123 45ABC XYZ \n",
		"012345ABCXYZ",	  "0-1-2-345-ABCXYZ", "0L23-45ABC-XYZ\r\n",
	};
	struct enrollment_key key;
	char text[ENROLLMENT_KEY_TEXT_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(spellings); i++) {
		assert_ok(enrollment_key_parse(spellings[i], &key));
		assert_string_equal(key.chars, "012345ABCXYZ");
		enrollment_key_print(&key, text);
		assert_string_equal(text, "0123-45ABC-XYZ");
	}
}

static void refuses_others(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} rows[] = {
		{ "", "too short" },
		{ "0123-45ABC-XY", "too short" },
		{ "0123-45ABC-XYZ0", "too long" },
		{ "0123-45ABC-XYU", "a character" }, /* U is in no key */
		{ "0123_45ABC_XYZ", "a character" },
		{ "0123-45ABC-XY\xc3", "a character" },
	};
	struct enrollment_key key = { "before" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(enrollment_key_parse(rows[i].text, &key), -EINVAL);
		assert_said(rows[i].said);
		assert_null(strstr(fail_text(), "45ABC"));
		assert_string_equal(key.chars, "before"); /* written only on success */
	}
}

static void generates_good_keys(void **state)
{
	struct enrollment_key first, key, back;
	char text[ENROLLMENT_KEY_TEXT_SIZE];
	int i;

	(void)state;
	assert_ok(enrollment_key_generate(&first));
	for (i = 0; i < 100; i++) {
		assert_ok(enrollment_key_generate(&key));
		assert_int_equal(strlen(key.chars), ENROLLMENT_KEY_CHARS);
		enrollment_key_print(&key, text);
		assert_ok(enrollment_key_parse(text, &back));
		assert_string_equal(back.chars, key.chars);
		assert_string_not_equal(key.chars, first.chars);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_tolerantly),
		cmocka_unit_test(refuses_others),
		cmocka_unit_test(generates_good_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
