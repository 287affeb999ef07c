/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing text, sizes for people, hex, numbers.
 */
#include "common/strbuf.h"

#include "common/cleanup.h"
#include "tests/unit/unit.h"

static void grows(void **state)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	CLEANUP_FREE char *text = NULL;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		strbuf_addf(&buf, "%d,", i);
	strbuf_add(&buf, "end");
	strbuf_addn(&buf, "!?", 1);
	assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4 + 4);
	assert_ok(strbuf_take(&buf, &text));
	assert_string_equal(text + strlen(text) - 8, "999,end!");
	assert_null(buf.text);
}

static void takes_empty(void **state)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_ok(strbuf_take(&buf, &text));
	assert_string_equal(text, "");
}

static void stays_failed(void **state)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	char *text = NULL;

	(void)state;
	strbuf_add(&buf, "a");
	strbuf_addn(&buf, "", SIZE_MAX / 2); /* more than there can be: nothing is copied */
	strbuf_add(&buf, "b");
	assert_true(buf.failed);
	assert_int_equal(strbuf_take(&buf, &text), -ENOMEM);
	assert_null(text);
}

static void formats(void **state)
{
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_ok(text_format(&text, "%s-%d", "a", 7));
	assert_string_equal(text, "a-7");
}

static void writes_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 16 * MIB, "16 MiB" },
		{ 2 * GIB - 1, "1.9 GiB" },
		{ 1536 * MIB, "1.5 GiB" },
		{ UINT64_MAX, "15.9 EiB" },
	};
	char buf[24];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(text_bytes(buf, rows[i].bytes), rows[i].text);
}

static void converts_hex(void **state)
{
	const uint8_t bytes[] = { 0x00, 0xff, 0x1a };
	uint8_t back[3] = { 9, 9, 9 };
	char text[7];

	(void)state;
	text_hex(text, bytes, sizeof(bytes));
	assert_string_equal(text, "00ff1a");
	assert_ok(text_unhex(back, 3, "00FF1a"));
	assert_memory_equal(back, bytes, 3);
	memset(back, 9, 3);
	assert_int_equal(text_unhex(back, 3, "00ff1"), -EINVAL);
	assert_int_equal(text_unhex(back, 3, "00ff1a0"), -EINVAL);
	assert_int_equal(text_unhex(back, 3, "00ff1g"), -EINVAL);
	assert_int_equal(text_unhex(back, 3, "0x00ff"), -EINVAL);
	assert_int_equal(back[0], 9); /* written only on success */
}

static void reads_numbers(void **state)
{
	uint64_t value = 5;

	(void)state;
	assert_ok(text_u64("0", &value));
	assert_int_equal(value, 0);
	assert_ok(text_u64("18446744073709551615", &value));
	assert_true(value == UINT64_MAX);
	value = 5;
	assert_int_equal(text_u64("18446744073709551616", &value), -ERANGE);
	assert_int_equal(text_u64("99999999999999999999", &value), -ERANGE);
	assert_int_equal(text_u64("", &value), -EINVAL);
	assert_int_equal(text_u64("-1", &value), -EINVAL);
	assert_int_equal(text_u64("+1", &value), -EINVAL);
	assert_int_equal(text_u64(" 1", &value), -EINVAL);
	assert_int_equal(text_u64("1 ", &value), -EINVAL);
	assert_int_equal(text_u64("0x10", &value), -EINVAL);
	assert_int_equal(value, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),	 cmocka_unit_test(takes_empty),
		cmocka_unit_test(stays_failed),	 cmocka_unit_test(formats),
		cmocka_unit_test(writes_sizes),	 cmocka_unit_test(converts_hex),
		cmocka_unit_test(reads_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
