/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address ranges: what is read, what is refused and how, what matches.
 * UNIT_SOURCES: server/cidr.c
 */
#include "server/cidr.h"

#include "tests/unit/unit.h"

static struct source_address source_of(const char *text)
{
	struct source_address source;

	assert_ok(source_parse(text, &source));
	return source;
}

static void reads_and_prints(void **state)
{
	static const struct {
		const char *text, *printed;
		int prefix;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", 120 },
		{ "192.0.2.1", "192.0.2.1", 128 },
		{ "192.0.2.1/32", "192.0.2.1", 128 },
		{ "0.0.0.0/0", "0.0.0.0/0", 96 },
		{ "2001:db8::/32", "2001:db8::/32", 32 },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", 128 },
		{ "::/0", "::/0", 0 },
		{ "::ffff:192.0.2.1", "192.0.2.1", 128 },
		{ "::ffff:0.0.0.0/96", "0.0.0.0/0", 96 },
		{ "255.255.255.255", "255.255.255.255", 128 },
		{ "10.0.0.0/9", "10.0.0.0/9", 105 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[CIDR_TEXT_SIZE];
		struct cidr range;

		assert_ok(cidr_parse(rows[i].text, &range));
		assert_int_equal(range.prefix, rows[i].prefix);
		cidr_print(&range, text);
		assert_string_equal(text, rows[i].printed);
	}
}

static void refuses_what_is_none(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "", "192.0.2.0/24" },
		{ "/", "192.0.2.0/24" },
		{ "/24", "192.0.2.0/24" },
		{ "192.0.2.1/24", "did you mean 192.0.2.0/24?" },
		{ "2001:db8::1/32", "did you mean 2001:db8::/32?" },
		{ "192.0.2.0/33", "0 to 32" },
		{ "2001:db8::/129", "0 to 128" },
		{ "192.0.2.0/", "0 to 32" },
		{ "192.0.2.0/-1", "0 to 32" },
		{ "192.0.2.0/24/8", "0 to 32" },
		{ "192.0.2.0/ 24", "0 to 32" },
		{ "192.0.2", "isn't an IPv4" },
		{ "192.0.2.256", "isn't an IPv4" },
		{ "0300.0.2.1", "isn't an IPv4" },
		{ "example.com", "isn't an IPv4" },
		{ " 192.0.2.1", "isn't an IPv4" },
		{ "2001:db8::1%eth0", "isn't an IPv4" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", "192.0.2.0/24" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cidr range = { .prefix = 99 };

		if (cidr_parse(rows[i].text, &range) != -EINVAL)
			fail_msg("accepted: %s", rows[i].text);
		assert_said(rows[i].said);
		assert_int_equal(range.prefix, 99);
	}
}

static void matches(void **state)
{
	static const struct {
		const char *range, *source;
		bool inside;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.4/31", "192.0.2.5", true },
		{ "192.0.2.4/31", "192.0.2.6", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "::/64", "192.0.2.1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false },
		{ "2001:db8:0:8000::/49", "2001:db8:0:8000::1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct source_address source = source_of(rows[i].source);
		struct cidr range;

		assert_ok(cidr_parse(rows[i].range, &range));
		if (cidr_contains(&range, &source) != rows[i].inside)
			fail_msg("%s in %s is wrong", rows[i].source, rows[i].range);
	}
}

static void reads_lists(void **state)
{
	struct cidr_list list = { .count = 7 };
	struct source_address inside = source_of("10.1.2.3"), outside = source_of("11.1.2.3");
	char text[200];

	(void)state;
	assert_ok(cidr_list_parse("", &list));
	assert_int_equal(list.count, 0);
	assert_ok(cidr_list_parse("[]", &list));
	assert_ok(cidr_list_parse(" [ ] \n", &list));
	assert_int_equal(list.count, 0);
	assert_false(cidr_list_contains(&list, &inside));
	assert_ok(cidr_list_print(&list, text, sizeof(text)));
	assert_string_equal(text, "[]");
	assert_ok(cidr_list_parse("[ \"2001:db8::/32\" ,\"10.0.0.0/8\"]", &list));
	assert_int_equal(list.count, 2);
	assert_true(cidr_list_contains(&list, &inside));
	assert_false(cidr_list_contains(&list, &outside));
	assert_ok(cidr_list_print(&list, text, sizeof(text)));
	assert_string_equal(text, "[\"2001:db8::/32\",\"10.0.0.0/8\"]");
	assert_int_equal(cidr_list_print(&list, text, strlen("[\"2001:db8::/32\",\"10.0.0.0/8\"]")),
			 -E2BIG);
	assert_ok(cidr_list_print(&list, text, strlen("[\"2001:db8::/32\",\"10.0.0.0/8\"]") + 2));
}

static void refuses_damaged_lists(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[",
		"[\"10.0.0.0/8\"",
		"[\"10.0.0.0/8\",]",
		"[\"10.0.0.0/8\" \"11.0.0.0/8\"]",
		"[10]",
		"[\"10.0.0.0/8]",
		"[\"10.\\u0030.0.0/8\"]",
		"[\"\"]",
		"[] x",
		"x",
		"[\"10.0.0.0/8\"]]",
		"\"10.0.0.0/8\"",
		"[,]",
		"[null]",
	};
	struct cidr_list list = { .count = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (cidr_list_parse(texts[i], &list) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
		assert_int_equal(list.count, 7);
	}
}

static void caps_lists(void **state)
{
	char text[CIDR_LIST_MAX * 12 + 32] = "[\"10.0.0.0\"";
	struct cidr_list list;

	(void)state;
	for (int i = 1; i < CIDR_LIST_MAX; i++)
		strcat(text, ",\"10.0.0.0\"");
	strcat(text, "]");
	assert_ok(cidr_list_parse(text, &list));
	assert_int_equal(list.count, CIDR_LIST_MAX);
	text[strlen(text) - 1] = '\0';
	strcat(text, ",\"10.0.0.0\"]");
	assert_int_equal(cidr_list_parse(text, &list), -E2BIG);
}

static void registers_by_family(void **state)
{
	static const struct {
		const char *source, *registered;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "fe80::1", "fe80::/64" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct source_address source = source_of(rows[i].source);
		struct cidr range = cidr_registered(&source);
		char text[CIDR_TEXT_SIZE];

		cidr_print(&range, text);
		assert_string_equal(text, rows[i].registered);
		assert_true(cidr_contains(&range, &source));
		source_print(&source, text);
		assert_string_equal(text, rows[i].source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(matches),
		cmocka_unit_test(reads_lists),
		cmocka_unit_test(refuses_damaged_lists),
		cmocka_unit_test(caps_lists),
		cmocka_unit_test(registers_by_family),
	};

	return cmocka_run_group_tests_name("server_cidr", tests, NULL, NULL);
}
