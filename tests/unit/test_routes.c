/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_route(): the unlock listener's paths, as tang has them.
 * UNIT_SOURCES: server/front/routes.c server/edge/http.c
 * UNIT_SOURCES: server/edge/http_llhttp.c server/edge/http_parser.c
 */
#include "server/front/routes.h"

#include "tests/unit/unit.h"

#define DEVICE "0123456789abcdef0123456789abcdef"
#define THP "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_"

static int route(const char *method, const char *target, struct front_target *ret)
{
	struct request request;
	char text[512];
	size_t used;
	int len;

	len = snprintf(text, sizeof(text), "%s %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n", method,
		       target);
	assert_int_equal(http_parse((const uint8_t *)text, (size_t)len, 4096, &request, &used), 0);
	return front_route(&request, ret);
}

static void finds(void **state)
{
	static const struct {
		const char *method, *target;
		enum front_route want;
		const char *thumbprint;
	} rows[] = {
		{ "GET", "/healthz", FRONT_HEALTH, "" },
		{ "GET", "/d/" DEVICE "/adv", FRONT_ADVERTISE, "" },
		{ "GET", "/d/" DEVICE "/adv/", FRONT_ADVERTISE, "" },
		{ "GET", "/d/" DEVICE "//adv/", FRONT_ADVERTISE, "" },
		{ "GET", "/d/" DEVICE "/adv/" THP, FRONT_ADVERTISE, THP },
		{ "GET", "/d/" DEVICE "/adv/short", FRONT_ADVERTISE, "?" },
		{ "POST", "/d/" DEVICE "/rec/" THP, FRONT_RECOVER, THP },
		{ "POST", "//d//" DEVICE "//rec//" THP, FRONT_RECOVER, THP },
		{ "POST", "/d/" DEVICE "/rec/short", FRONT_RECOVER, "?" },
	};
	struct front_target target;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(route(rows[i].method, rows[i].target, &target), 0);
		assert_int_equal(target.route, rows[i].want);
		assert_string_equal(target.thumbprint, rows[i].thumbprint);
		if (target.route != FRONT_HEALTH)
			assert_int_equal(target.device[1], 0x23);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *method, *target;
		int want;
	} rows[] = {
		{ "GET", "/", 404 },
		{ "GET", "/healthz/", 404 },
		{ "GET", "/healthz?x", 404 },
		{ "GET", "/d", 404 },
		{ "GET", "/d/", 404 },
		{ "GET", "/d/" DEVICE, 404 },
		{ "GET", "/adv", 404 },
		{ "GET", "/d/0123456789ABCDEF0123456789abcdef/adv", 404 },
		{ "GET", "/d/" DEVICE "0/adv", 404 },
		{ "GET", "/d/" DEVICE "/adv?x=1", 404 },
		{ "GET", "/d/" DEVICE "/adv/" THP "/", 404 },
		{ "GET", "/d/" DEVICE "/adv/a%2fb", 404 },
		{ "GET", "/d/" DEVICE "/advx", 404 },
		{ "POST", "/d/" DEVICE "/rec", 404 },
		{ "POST", "/d/" DEVICE "/rec/", 404 },
		{ "POST", "/d/" DEVICE "/rec/" THP "/", 404 },
		{ "POST", "/d/" DEVICE "/rec%2f" THP, 404 },
		{ "POST", "/d/" DEVICE "/adv", 405 },
		{ "HEAD", "/d/" DEVICE "/adv", 405 },
		{ "GET", "/d/" DEVICE "/rec/" THP, 405 },
		{ "PUT", "/d/" DEVICE "/rec/" THP, 405 },
	};
	struct front_target target;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = route(rows[i].method, rows[i].target, &target);

		if (r != rows[i].want)
			fail_msg("%s %s: %d", rows[i].method, rows[i].target, r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
