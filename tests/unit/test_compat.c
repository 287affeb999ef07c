/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compat_route(): tangd's paths, with and without words before them.
 * UNIT_SOURCES: server/compat/answer.c server/compat/keydir.c server/core/exchange.c
 * UNIT_SOURCES: server/front/jwk_request.c server/edge/http.c
 * UNIT_SOURCES: server/edge/http_llhttp.c server/edge/http_parser.c
 */
#include "server/compat/answer.h"

#include "tests/unit/unit.h"

#define CHARS_86                                                                                   \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"                                              \
	"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB_"

static int route(const char *endpoint, const char *method, const char *target,
		 struct compat_target *ret)
{
	struct request request;
	char text[512];
	size_t used;
	int len;

	len = snprintf(text, sizeof(text), "%s %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n", method,
		       target);
	assert_int_equal(http_parse((const uint8_t *)text, (size_t)len, 4096, &request, &used), 0);
	return compat_route(endpoint, &request, ret);
}

static void finds(void **state UNUSED)
{
	static const struct {
		const char *endpoint, *method, *target;
		enum compat_route want;
		const char *thumbprint;
	} rows[] = {
		{ "", "GET", "/adv", COMPAT_ADVERTISE, "" },
		{ "", "GET", "//adv//", COMPAT_ADVERTISE, "" },
		{ "", "GET", "/adv/abc", COMPAT_ADVERTISE, "abc" },
		{ "", "GET", "/adv/" CHARS_86, COMPAT_ADVERTISE, CHARS_86 },
		{ "", "GET", "/adv/" CHARS_86 "C", COMPAT_ADVERTISE, "?" },
		{ "", "POST", "//rec//a-_9", COMPAT_RECOVER, "a-_9" },
		{ "a/b", "GET", "/a/b/adv", COMPAT_ADVERTISE, "" },
		{ "a/b", "POST", "//a/b//rec/x", COMPAT_RECOVER, "x" },
		{ "adv", "GET", "/adv/adv", COMPAT_ADVERTISE, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct compat_target target;

		assert_int_equal(route(rows[i].endpoint, rows[i].method, rows[i].target, &target),
				 0);
		assert_int_equal(target.route, rows[i].want);
		assert_string_equal(target.thumbprint, rows[i].thumbprint);
	}
}

static void refuses(void **state UNUSED)
{
	static const struct {
		const char *endpoint, *method, *target;
		int status;
	} rows[] = {
		{ "", "GET", "/", 404 },
		{ "", "GET", "/advx", 404 },
		{ "", "GET", "/adv?x=1", 404 },
		{ "", "GET", "/adv?", 404 },
		{ "", "GET", "/adv/a.b", 404 },
		{ "", "GET", "/adv/a/", 404 },
		{ "", "POST", "/adv", 405 },
		{ "", "GET", "/rec/x", 405 },
		{ "", "POST", "/rec", 404 },
		{ "", "POST", "/rec/", 404 },
		{ "", "POST", "/rec/x/y", 404 },
		{ "a", "GET", "/adv", 404 },
		{ "a", "GET", "/aadv", 404 },
		{ "a", "GET", "/ab/adv", 404 },
		{ "a/b", "GET", "/a//b/adv", 404 },
		{ "adv", "GET", "/adv", 404 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct compat_target target;

		assert_int_equal(route(rows[i].endpoint, rows[i].method, rows[i].target, &target),
				 rows[i].status);
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
