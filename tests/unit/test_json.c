/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * js_parse()'s caps and the getters' sentences.
 */
#include "common/json.h"

#include "common/file.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

static int parse(const char *text, json_t **ret)
{
	return js_parse(text, strlen(text), JSON_TEXT_MAX, ret);
}

static void refuses_what_is_not_ours(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} rows[] = {
		{ "", "line 1" },
		{ "{", "line 1" },
		{ "{\"a\":1} x", "column" },
		{ "{\"a\":1}{", "column" },
		{ "1", "column" },
		{ "\"text\"", "column" },
		{ "null", "column" },
		{ "{\"a\":1,\"a\":2}", "duplicate" },
		{ "{\"a\":\"\\u0000\"}", "column" },
		{ "{\"a\":99999999999999999999}", "integer" },
		{ "{\"a\":\"\xff\"}", "decode" },
		{ "{\"a\":NaN}", "column" },
	};
	json_t *value = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fail_clear();
		if (parse(rows[i].text, &value) != -EINVAL)
			fail_msg("accepted: %s", rows[i].text);
		assert_said(rows[i].said);
		assert_null(value);
	}
}

static void caps_size_and_depth(void **state)
{
	json_t *value = NULL;
	char deep[200] = "";

	(void)state;
	assert_int_equal(js_parse("{}    ", 6, 5, &value), -E2BIG);
	memset(deep, '[', 33);
	memset(deep + 33, ']', 33);
	assert_int_equal(parse(deep, &value), -EINVAL);
	assert_said("32 levels");
	assert_null(value);
	assert_ok(js_parse(deep + 1, 64, 100, &value));
	json_decref(value);
	assert_ok(parse("{\"\\\"[\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}\n", &value));
	json_decref(value);
}

static void never_repeats_the_text(void **state)
{
	json_t *value = NULL;

	(void)state;
	assert_int_equal(parse("{\"key\":\"a\" planted}", &value), -EINVAL);
	assert_null(strstr(fail_text(), "planted"));
	assert_int_equal(parse("{\"planted\":1,\"planted\":2}", &value), -EINVAL);
	assert_null(strstr(fail_text(), "planted"));
}

static void gets_members(void **state)
{
	CLEANUP_JSON json_t *value = NULL;
	const char *text = NULL;
	char copy[4] = "";
	uint64_t number = 0;
	bool flag = false;
	json_t *part = NULL;

	(void)state;
	assert_ok(parse("{\"s\":\"abc\",\"n\":7,\"t\":true,\"o\":{},\"a\":[],\"z\":null,\"m\":-1,"
			"\"r\":1.5}",
			&value));
	assert_ok(js_string(value, "s", &text));
	assert_string_equal(text, "abc");
	assert_ok(js_u64(value, "n", &number));
	assert_int_equal(number, 7);
	assert_ok(js_bool(value, "t", &flag));
	assert_true(flag);
	assert_ok(js_object(value, "o", &part));
	assert_ok(js_array(value, "a", &part));
	assert_ok(js_copy(value, "s", copy, sizeof(copy)));
	assert_string_equal(copy, "abc");
	assert_int_equal(js_copy(value, "s", copy, 3), -EINVAL);
	assert_said("longer than 2");
	assert_int_equal(js_string(value, "n", &text), -EINVAL);
	assert_said("member \"n\" must be a string");
	assert_int_equal(js_string(value, "none", &text), -EINVAL);
	assert_said("member \"none\" is missing");
	assert_int_equal(js_string(value, "z", &text), -EINVAL);
	assert_said("missing");
	assert_int_equal(js_u64(value, "m", &number), -EINVAL);
	assert_int_equal(js_u64(value, "r", &number), -EINVAL);
	assert_int_equal(js_bool(value, "n", &flag), -EINVAL);
	assert_int_equal(js_object(value, "a", &part), -EINVAL);
	assert_int_equal(js_array(value, "o", &part), -EINVAL);
	assert_int_equal(js_string(NULL, "s", &text), -EINVAL);
}

static void falls_back(void **state)
{
	CLEANUP_JSON json_t *value = NULL;
	const char *text = NULL;
	uint64_t number = 0;
	bool flag = false;

	(void)state;
	assert_ok(parse("{\"s\":\"abc\",\"n\":7,\"z\":null}", &value));
	assert_ok(js_string_or(value, "none", "default", &text));
	assert_string_equal(text, "default");
	assert_ok(js_string_or(value, "z", NULL, &text));
	assert_null(text);
	assert_ok(js_u64_or(value, "n", 9, &number));
	assert_int_equal(number, 7);
	assert_ok(js_u64_or(value, "none", 9, &number));
	assert_int_equal(number, 9);
	assert_ok(js_bool_or(value, "none", true, &flag));
	assert_true(flag);
	assert_int_equal(js_u64_or(value, "s", 9, &number), -EINVAL);
	assert_int_equal(js_bool_or(value, "s", false, &flag), -EINVAL);
	assert_int_equal(js_string_or(value, "n", "", &text), -EINVAL);
}

static void prints_sorted(void **state)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_FREE char *compact = NULL;
	CLEANUP_FREE char *pretty = NULL;

	(void)state;
	assert_ok(parse("{\"b\":[1,2],\"a\":{}}", &value));
	assert_ok(js_print(value, &compact));
	assert_string_equal(compact, "{\"a\":{},\"b\":[1,2]}");
	assert_ok(js_print_pretty(value, &pretty));
	assert_string_equal(pretty, "{\n  \"a\": {},\n  \"b\": [\n    1,\n    2\n  ]\n}\n");
}

static void reads_files(void **state)
{
	char path[] = "/tmp/test_json.XXXXXX";
	CLEANUP_CLOSE int fd = mkstemp(path);
	CLEANUP_JSON json_t *value = NULL;

	(void)state;
	assert_ok(file_write_all(fd, "{\"a\":1}\n", 8));
	assert_ok(js_read_file(path, 100, &value));
	assert_int_equal(js_read_file(path, 7, &value), -E2BIG);
	assert_int_equal(ftruncate(fd, 4), 0);
	assert_int_equal(js_read_file(path, 100, &value), -EINVAL);
	assert_said(path);
	unlink(path);
	assert_int_equal(js_read_file(path, 100, &value), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_ours),
		cmocka_unit_test(caps_size_and_depth),
		cmocka_unit_test(never_repeats_the_text),
		cmocka_unit_test(gets_members),
		cmocka_unit_test(falls_back),
		cmocka_unit_test(prints_sorted),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
