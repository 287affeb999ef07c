/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the courier may connect to: the edges of each range, and IPv4 in IPv6's clothes.
 * UNIT_SOURCES: server/courier/target.c server/cidr.c
 */
#include "server/courier/target.h"

#include "tests/unit/unit.h"

static bool is_private(const char *text)
{
	struct source_address address;

	assert_ok(source_parse(text, &address));
	return target_is_private(&address);
}

static void knows_private_addresses(void **state)
{
	static const char *const rows[] = {
		"0.0.0.0",
		"0.255.255.255",
		"10.0.0.0",
		"10.255.255.255",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.255.255",
		"169.254.169.254",
		"172.16.0.0",
		"172.31.255.255",
		"192.0.0.8",
		"192.0.2.1",
		"192.168.0.0",
		"192.168.255.255",
		"198.18.0.0",
		"198.19.255.255",
		"198.51.100.7",
		"203.0.113.7",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::7f00:1",
		"fc00::1",
		"fdff::1",
		"fe80::1",
		"fec0::1",
		"ff02::1",
		"2001:db8::1",
		"2001::1",
		"2001:1ff::1",
		"3fff:fff::1",
		"5f00::1",
		"100::1",
		"64:ff9b:1::1",
		"::ffff:10.0.0.1",
		"::ffff:169.254.169.254",
		"64:ff9b::10.0.0.1",
		"64:ff9b::a9fe:a9fe",
		"2002:a00:1::1",
		"2002:7f00:1::",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!is_private(rows[i]))
			fail_msg("%s was taken for public", rows[i]);
}

static void knows_public_addresses(void **state)
{
	static const char *const rows[] = {
		"1.0.0.0",	   "9.255.255.255",    "11.0.0.0",	  "100.63.255.255",
		"100.128.0.0",	   "126.255.255.255",  "128.0.0.0",	  "169.253.0.1",
		"169.255.0.1",	   "172.15.255.255",   "172.32.0.0",	  "192.0.1.0",
		"192.167.0.1",	   "192.169.0.1",      "198.17.255.255",  "198.20.0.0",
		"223.255.255.255", "2001:200::1",      "2001:db9::1",	  "2600::1",
		"2a00:1450::1",	   "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_private(rows[i]))
			fail_msg("%s was taken for private", rows[i]);
}

static void obeys_the_operator(void **state)
{
	struct cidr_list allowed, none = { .count = 0 };
	struct source_address inside, outside, public;

	(void)state;
	assert_ok(cidr_list_parse("[\"10.1.0.0/16\"]", &allowed));
	assert_ok(source_parse("10.1.2.3", &inside));
	assert_ok(source_parse("10.2.2.3", &outside));
	assert_ok(source_parse("8.8.8.8", &public));
	assert_true(target_is_allowed(&allowed, &inside));
	assert_false(target_is_allowed(&allowed, &outside));
	assert_false(target_is_allowed(&none, &inside));
	assert_true(target_is_allowed(&none, &public));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_private_addresses),
		cmocka_unit_test(knows_public_addresses),
		cmocka_unit_test(obeys_the_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
