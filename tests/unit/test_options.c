/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table, two sources: the environment and flags, in that order.
 */
#include "common/options.h"

#include "common/cleanup.h"
#include "tests/unit/unit.h"

struct settings {
	bool is_quiet;
	const char *name;
	uint64_t count;
	uint64_t size_bytes;
	struct option_list also;
	const char *other;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "quiet", "T_QUIET", OPTION_FLAG, AT(is_quiet), NULL, "say less" },
	{ "name", "T_NAME", OPTION_TEXT, AT(name), "NAME",
	  "what to call it, at some length: this text goes around" },
	{ "n", NULL, OPTION_TEXT, AT(name), "NAME", NULL },
	{ "count", "T_COUNT", OPTION_NUMBER, AT(count), "N", "how many" },
	{ "size", "T_SIZE", OPTION_SIZE, AT(size_bytes), "SIZE", "how big\nsecond line" },
	{ "also", "T_ALSO", OPTION_LIST, AT(also), "https://NAME:PORT", "may be repeated" },
	{ "also-too", NULL, OPTION_TEXT, AT(other), "https://NAME:PORT", "right column" },
};

/* Parses the words after a verb; at most 15. */
static int parse(struct settings *settings, char **ret_words, const char *const *words)
{
	static char *argv[16];
	int argc = 1, first = -1, r;

	argv[0] = (char *)(uintptr_t) "verb";
	while (words[argc - 1] && argc < 15) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	argv[argc] = NULL;
	*settings = (struct settings){ 0 };
	r = options_parse(rows, ARRAY_SIZE(rows), settings, argc, argv, &first);
	if (r == 0) {
		assert_in_range(first, 1, argc);
		while (first < argc)
			*ret_words++ = argv[first++];
		*ret_words = NULL;
	}
	return r;
}

#define PARSE(...) parse(&settings, words, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void clear_environment(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].env)
			unsetenv(rows[i].env);
	}
}

static void reads_flags(void **state)
{
	struct settings settings;
	char *words[16];

	(void)state;
	clear_environment();
	assert_ok(PARSE("--quiet", "--name", "a b", "--count=12", "--size", "16M", "--also", "x,y",
			"--also=z"));
	assert_true(settings.is_quiet);
	assert_string_equal(settings.name, "a b");
	assert_int_equal(settings.count, 12);
	assert_int_equal(settings.size_bytes, 16 * MIB);
	assert_int_equal(settings.also.count, 2);
	assert_string_equal(settings.also.items[0], "x,y");
	assert_string_equal(settings.also.items[1], "z");
	assert_null(words[0]);
	assert_ok(PARSE("-n", "short"));
	assert_string_equal(settings.name, "short");
	assert_ok(PARSE("--name="));
	assert_string_equal(settings.name, "");
	assert_ok(PARSE("--name", "--quiet")); /* a value may look like a flag */
	assert_string_equal(settings.name, "--quiet");
	assert_false(settings.is_quiet);
}

static void keeps_the_words(void **state)
{
	struct settings settings;
	char *words[16];

	(void)state;
	clear_environment();
	assert_ok(PARSE("one", "--count", "1", "-", "--quiet", "two", "--", "--name", "--"));
	assert_int_equal(settings.count, 1);
	assert_null(settings.name);
	assert_string_equal(words[0], "one");
	assert_string_equal(words[1], "-");
	assert_string_equal(words[2], "two");
	assert_string_equal(words[3], "--name");
	assert_string_equal(words[4], "--");
	assert_null(words[5]);
	assert_ok(PARSE());
	assert_null(words[0]);
}

static void puts_flags_over_the_environment(void **state)
{
	struct settings settings;
	char *words[16];

	(void)state;
	clear_environment();
	setenv("T_QUIET", "Yes", 1);
	setenv("T_NAME", "from env", 1);
	setenv("T_SIZE", "2GiB", 1);
	setenv("T_ALSO", "/a,/b", 1);
	setenv("T_COUNT", "", 1); /* empty counts as unset */
	assert_ok(PARSE("--size", "512"));
	assert_true(settings.is_quiet);
	assert_string_equal(settings.name, "from env");
	assert_int_equal(settings.size_bytes, 512);
	assert_int_equal(settings.also.count, 2);
	assert_string_equal(settings.also.items[1], "/b");
	assert_ok(PARSE("--quiet=no", "--also", "/c", "--also", "/d", "--also", "/e"));
	assert_false(settings.is_quiet);
	assert_int_equal(settings.also.count, 3); /* replaced, not added to */
	assert_string_equal(settings.also.items[0], "/c");
	setenv("T_QUIET", "perhaps", 1);
	assert_int_equal(PARSE(), -EINVAL);
	assert_said("variable T_QUIET: must be yes or no");
	clear_environment();
}

static void names_the_wrong_option(void **state)
{
	static const struct {
		const char *words[3];
		const char *said;
	} wrong[] = {
		{ { "--nam", "x" }, "--nam is not an option" }, /* no abbreviations */
		{ { "--none=secret" }, "--none is not an option" },
		{ { "-x" }, "-x is not an option" },
		{ { "--n", "x" }, "--n is not an option" },
		{ { "-name", "x" }, "-name is not an option" },
		{ { "--count" }, "--count needs N" },
		{ { "--count", "1x" }, "option --count: must be a whole number" },
		{ { "--count=" }, "option --count: must be" },
		{ { "--size", "16X" }, "option --size: must be a size" },
		{ { "--size", "16MB" }, "option --size: must be a size" },
		{ { "--size", "M" }, "option --size: must be a size" },
		{ { "--size", "99999999999T" }, "option --size: the size is too big" },
		{ { "--quiet=maybe" }, "option --quiet: must be" },
		{ { "--also=" }, "option --also: has an empty item" },
	};
	struct settings settings;
	char *words[16];
	size_t i;

	(void)state;
	clear_environment();
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		fail_clear();
		assert_true(PARSE(wrong[i].words[0], wrong[i].words[1]) < 0);
		assert_said(wrong[i].said);
		assert_null(strstr(fail_text(), "secret"));
	}
}

static void writes_the_usage(void **state)
{
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_ok(options_usage(rows, ARRAY_SIZE(rows), &text));
	assert_string_equal(
		text,
		"  --quiet                   say less\n"
		"  --name, -n NAME           what to call it, at some length: this text goes\n"
		"                            around\n"
		"  --count N                 how many\n"
		"  --size SIZE               how big\n"
		"                            second line\n"
		"  --also https://NAME:PORT  may be repeated\n"
		"  --also-too https://NAME:PORT\n"
		"                            right column\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_flags),
		cmocka_unit_test(keeps_the_words),
		cmocka_unit_test(puts_flags_over_the_environment),
		cmocka_unit_test(names_the_wrong_option),
		cmocka_unit_test(writes_the_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
