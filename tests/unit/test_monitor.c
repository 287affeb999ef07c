/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor's pure parts: the roll of connections and its limits, the PROXY header.
 * UNIT_SOURCES: server/monitor/roll.c server/monitor/proxy.c
 */
#include "server/monitor/proxy.h"
#include "server/monitor/roll.h"

#include "common/base.h"
#include "tests/unit/unit.h"

static struct source_address v4(uint8_t last)
{
	struct source_address source = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, last } };

	return source;
}

static struct source_address v6(uint8_t net, uint8_t host)
{
	struct source_address source = { .bytes = { 0x20, 1, 0xd, 0xb8, 0, 0, 0,
						    net, [15] = host } };

	return source;
}

static void roll_counts(void **state)
{
	struct source_address source = v4(1);
	struct roll_entry entry;
	struct roll *roll;
	uint64_t first, second;

	(void)state;
	assert_ok(roll_open(&roll));
	assert_ok(roll_add(roll, 2, &source, &first));
	assert_ok(roll_add(roll, 3, &source, &second));
	assert_int_not_equal(first, second);
	assert_int_equal(roll_count(roll, 2), 1);
	assert_false(roll_remove(roll, first, 3)); /* not its holder */
	assert_true(roll_any(roll, 2, &entry));
	assert_int_equal(entry.id, first);
	assert_true(roll_remove(roll, first, 2));
	assert_false(roll_remove(roll, first, 2));
	assert_false(roll_any(roll, 2, &entry));
	assert_int_equal(roll_count(roll, 3), 1);
	roll_close(roll);
}

static void roll_limits_sources(void **state)
{
	struct source_address other = v4(2);
	struct roll *roll;
	uint64_t id, last = 0;

	(void)state;
	assert_ok(roll_open(&roll));
	for (int i = 0; i < ROLL_PER_SOURCE_MAX; i++) {
		struct source_address source = v6(1, (uint8_t)i); /* one /64 */

		assert_ok(roll_add(roll, 2, &source, &id));
		assert_true(id > last);
		last = id;
	}
	other = v6(1, 77);
	assert_int_equal(roll_add(roll, 2, &other, &id), ROLL_SOURCE_FULL);
	other = v6(2, 77);
	assert_ok(roll_add(roll, 2, &other, &id));
	assert_true(roll_remove(roll, last, 2));
	other = v6(1, 77);
	assert_ok(roll_add(roll, 2, &other, &id));
	roll_close(roll);
}

static void roll_has_an_end(void **state)
{
	struct roll *roll;
	uint64_t id;
	int r = 0, count = 0;

	(void)state;
	assert_ok(roll_open(&roll));
	for (; r == 0 && count <= ROLL_MAX; count++) {
		struct source_address source = v6((uint8_t)(count >> 8), 1);

		source.bytes[6] = (uint8_t)count;
		r = roll_add(roll, 2, &source, &id);
	}
	assert_int_equal(r, ROLL_FULL);
	assert_int_equal(roll_count(roll, 2), ROLL_MAX);
	roll_close(roll);
}

static int parse(const char *text, size_t len, struct proxy_header *ret)
{
	return proxy_parse((const uint8_t *)text, len, ret);
}

static void reads_proxy_v1(void **state)
{
	static const char text[] = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\nGET";
	static const char v6_text[] = "PROXY TCP6 2001:db8::7 ::1 1 2\r\n";
	static const char unknown[] = "PROXY UNKNOWN ffff::1 whatever\r\n";
	struct proxy_header header;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 4; len++)
		assert_int_equal(parse(text, len, &header), PROXY_INCOMPLETE);
	assert_ok(parse(text, sizeof(text) - 1, &header));
	assert_int_equal(header.used_bytes, sizeof(text) - 4);
	assert_int_equal(header.source.bytes[15], 7);
	assert_int_equal(header.source.bytes[10], 0xff);
	assert_int_equal(header.source.port, 1234);
	assert_ok(parse(v6_text, sizeof(v6_text) - 1, &header));
	assert_int_equal(header.source.bytes[0], 0x20);
	assert_ok(parse(unknown, sizeof(unknown) - 1, &header));
	assert_false(header.has_source);
}

static void refuses_bad_proxy_v1(void **state)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n",
		"PROXX",
		"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\n",
		"PROXY TCP4 192.0.2.7 192.0.2.8 1234\r\n",
		"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443 5\r\n",
		"PROXY TCP4 192.0.2.7 192.0.2.8 65536 443\r\n",
		"PROXY TCP4 192.0.2.7 192.0.2.8 -1 443\r\n",
		"PROXY TCP4 2001:db8::7 192.0.2.8 1 443\r\n",
		"PROXY TCP6 192.0.2.7 192.0.2.8 1 443\r\n",
		"PROXY TCP4  192.0.2.7 192.0.2.8 1 443\r\n",
		"PROXY UDP4 192.0.2.7 192.0.2.8 1 443\r\n",
		"PROXY \r\n",
		"PROXY \n",
		"PROXY TCP4 "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct proxy_header header;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (parse(texts[i], strlen(texts[i]), &header) != -EPROTO)
			fail_msg("taken: %s", texts[i]);
	}
}

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static void reads_proxy_v2(void **state)
{
	static const char text[] = V2 "\x21\x11\0\x0f\xc0\0\2\7\xc0\0\2\x8\x04\xd2\1\xbb"
				      "tlv"
				      "GET";
	static const char local[] = V2 "\x20\0\0\0";
	static const char udp[] = V2 "\x21\x12\0\x0c\xc0\0\2\7\xc0\0\2\x8\x04\xd2\1\xbb";
	static const char small[] = V2 "\x21\x21\0\x0c\xc0\0\2\7\xc0\0\2\x8\x04\xd2\1\xbb";
	static const char large[] = V2 "\x21\x11\xff\xff";
	struct proxy_header header;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 4; len++)
		assert_int_equal(parse(text, len, &header), PROXY_INCOMPLETE);
	assert_ok(parse(text, sizeof(text) - 1, &header));
	assert_int_equal(header.used_bytes, sizeof(text) - 4);
	assert_int_equal(header.source.bytes[15], 7);
	assert_int_equal(header.source.port, 1234);
	assert_ok(parse(local, sizeof(local) - 1, &header));
	assert_false(header.has_source);
	assert_int_equal(parse(udp, sizeof(udp) - 1, &header), -EPROTO);
	assert_int_equal(parse(small, sizeof(small) - 1, &header), -EPROTO);
	assert_int_equal(parse(large, sizeof(large) - 1, &header), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roll_counts),		cmocka_unit_test(roll_limits_sources),
		cmocka_unit_test(roll_has_an_end),	cmocka_unit_test(reads_proxy_v1),
		cmocka_unit_test(refuses_bad_proxy_v1), cmocka_unit_test(reads_proxy_v2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
