/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_parse(): what is a request, what is refused with which status, and where the next one
 * begins. UNIT_SOURCES: server/edge/http.c server/edge/http_llhttp.c server/edge/http_parser.c
 */
#include "server/edge/http.h"

#include "tests/unit/unit.h"

#define BODY_MAX 4096

/* Text with its length, so that NUL may be inside. */
struct case_row {
	const char *what;
	const char *text;
	size_t len; /* 0: strlen(text) */
	int want;
};

static int parse(const struct case_row *row, struct request *ret, size_t *ret_used)
{
	size_t len = row->len ? row->len : strlen(row->text);

	return http_parse((const uint8_t *)row->text, len, BODY_MAX, ret, ret_used);
}

#define HEAD "POST /d/x/rec/y HTTP/1.1\r\nHost: a\r\n"
#define OK_TAIL "Content-Length: 2\r\n\r\n{}"
#define RAW(text) text, sizeof(text) - 1

static const struct case_row refused[] = {
	{ "two Content-Length", RAW(HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400 },
	{ "equal Content-Length", RAW(HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
	  400 },
	{ "a list of lengths", RAW(HEAD "Content-Length: 2, 2\r\n\r\n{}"), 400 },
	{ "length and chunked",
	  RAW(HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"), 400 },
	{ "chunked", RAW(HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 400 },
	{ "gzip, chunked", RAW(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "signed length", RAW(HEAD "Content-Length: +2\r\n\r\n{}"), 400 },
	{ "negative length", RAW(HEAD "Content-Length: -2\r\n\r\n{}"), 400 },
	{ "huge length", RAW(HEAD "Content-Length: 99999999999999999999\r\n\r\n{}"), 400 },
	{ "hex length", RAW(HEAD "Content-Length: 0x2\r\n\r\n{}"), 400 },
	{ "POST without length", RAW(HEAD "\r\n{}"), 400 },
	{ "empty header name", RAW(HEAD ": x\r\n" OK_TAIL), 400 },
	{ "NUL in a value", RAW(HEAD "X: a\0b\r\n" OK_TAIL), 400 },
	{ "NUL in a name", RAW(HEAD "X\0: a\r\n" OK_TAIL), 400 },
	{ "space before the colon", RAW(HEAD "X : a\r\n" OK_TAIL), 400 },
	{ "folded header", RAW(HEAD "X: a\r\n b\r\n" OK_TAIL), 400 },
	{ "folded by tab", RAW(HEAD "X: a\r\n\tb\r\n" OK_TAIL), 400 },
	{ "bare LF", RAW("GET / HTTP/1.1\nHost: a\n\n"), 400 },
	{ "bare LF in the header", RAW(HEAD "X: a\n" OK_TAIL), 400 },
	{ "bare CR", RAW(HEAD "X: a\rb\r\n" OK_TAIL), 400 },
	{ "no Host", RAW("GET / HTTP/1.1\r\n\r\n"), 400 },
	{ "two Hosts", RAW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400 },
	{ "two Hosts in 1.0", RAW("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400 },
	{ "two Authorizations",
	  RAW("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: b\r\nAuthorization: c\r\n\r\n"), 400 },
	{ "HTTP/1.2", RAW("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505 },
	{ "HTTP/2.0", RAW("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505 },
	{ "HTTQ/1.1", RAW("GET / HTTQ/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "no version digits", RAW("GET / HTTP/x.y\r\nHost: a\r\n\r\n"), 400 },
	{ "HTTP/0.9", RAW("GET /\r\n\r\n"), 400 },
	{ "HTTP/2 preface", RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400 },
	{ "absolute target", RAW("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "asterisk", RAW("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "CONNECT", RAW("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "no method", RAW(" / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "space in the target", RAW("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "high byte in the target", RAW("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "empty first line", RAW("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "rubbish without a line end", RAW("\x16\x03\x01\x02"), 400 },
	{ "GET with a body", RAW("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"), 400 },
	{ "PUT with a body", RAW("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"), 405 },
	{ "Expect", RAW(HEAD "Expect: 100-continue\r\n" OK_TAIL), 417 },
	{ "large body", RAW(HEAD "Content-Length: 4097\r\n\r\n"), 413 },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct request request;
		size_t used;
		int r = parse(&refused[i], &request, &used);

		if (r != refused[i].want)
			fail_msg("%s: %d, wanted %d", refused[i].what, r, refused[i].want);
	}
}

/* Every beginning of a good request is incomplete, never refused and never complete. */
static void waits_for_the_rest(void **state)
{
	static const char text[] = HEAD "Authorization: Bearer t\r\n" OK_TAIL;
	struct request request;
	size_t used;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(http_parse((const uint8_t *)text, len, BODY_MAX, &request, &used),
				 HTTP_INCOMPLETE);
	assert_int_equal(
		http_parse((const uint8_t *)text, sizeof(text) - 1, BODY_MAX, &request, &used), 0);
}

static void takes_one_request(void **state)
{
	static const char text[] = HEAD "Authorization: Bearer t\r\nX:\r\n" OK_TAIL "GET /next";
	struct request request;
	size_t used;

	(void)state;
	assert_int_equal(
		http_parse((const uint8_t *)text, sizeof(text) - 1, BODY_MAX, &request, &used), 0);
	assert_int_equal(request.method, METHOD_POST);
	assert_true(http_span_is(request.path, "/d/x/rec/y"));
	assert_true(http_span_is(request.authorization, "Bearer t"));
	assert_true(http_span_is(request.body, "{}"));
	assert_false(request.has_query);
	assert_true(request.keep_alive);
	assert_int_equal(used, strstr(text, "GET /next") - text);
}

static void knows_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request request;
		size_t used;

		assert_int_equal(http_parse((const uint8_t *)rows[i].text, strlen(rows[i].text),
					    BODY_MAX, &request, &used),
				 0);
		assert_int_equal(request.keep_alive, rows[i].want);
	}
}

static void limits_the_header(void **state)
{
	static char text[HTTP_HEADER_MAX_BYTES + 1024];
	struct request request;
	size_t used, len;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(text + len, 'a', sizeof(text) - len);
	assert_int_equal(http_parse((const uint8_t *)text, sizeof(text), BODY_MAX, &request, &used),
			 431);
	assert_int_equal(http_parse((const uint8_t *)text, HTTP_HEADER_MAX_BYTES - 1, BODY_MAX,
				    &request, &used),
			 HTTP_INCOMPLETE);
	len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");
	for (int i = 0; i < HTTP_HEADER_LINES_MAX + 2; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "X: a\r\n");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
	assert_int_equal(http_parse((const uint8_t *)text, len, BODY_MAX, &request, &used), 431);
}

static void reads_queries(void **state)
{
	static const char text[] =
		"GET /a?from=192.0.2.1&x=%2Fy&bad=%0&nul=%00&e= HTTP/1.0\r\n\r\n";
	struct request request;
	char value[16];
	size_t used;

	(void)state;
	assert_int_equal(
		http_parse((const uint8_t *)text, sizeof(text) - 1, BODY_MAX, &request, &used), 0);
	assert_true(http_span_is(request.path, "/a"));
	assert_true(request.has_query);
	assert_true(http_query_value(request.query, "from", value, sizeof(value)));
	assert_string_equal(value, "192.0.2.1");
	assert_true(http_query_value(request.query, "x", value, sizeof(value)));
	assert_string_equal(value, "/y");
	assert_true(http_query_value(request.query, "e", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(http_query_value(request.query, "bad", value, sizeof(value)));
	assert_false(http_query_value(request.query, "nul", value, sizeof(value)));
	assert_false(http_query_value(request.query, "fro", value, sizeof(value)));
	assert_false(http_query_value(request.query, "from", value, 4));
}

static void prints_answers(void **state)
{
	const struct answer denial = { .status = 403, .close = true };
	const struct answer nothing = { .status = 204 };
	char *text;
	size_t len;

	(void)state;
	assert_ok(http_print(&denial, &text, &len));
	assert_string_equal(text, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
				  "Connection: close\r\n\r\n");
	free(text);
	assert_ok(http_print(&nothing, &text, &len));
	assert_string_equal(text, "HTTP/1.1 204 No Content\r\n\r\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),	     cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(takes_one_request), cmocka_unit_test(knows_keep_alive),
		cmocka_unit_test(limits_the_header), cmocka_unit_test(reads_queries),
		cmocka_unit_test(prints_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
