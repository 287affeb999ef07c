/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jwk_request_parse(): what stock Clevis sends is read, everything else is refused.
 * UNIT_SOURCES: server/front/jwk_request.c
 */
#include "server/front/jwk_request.h"

#include "tests/unit/unit.h"

#define X521                                                                                       \
	"AeO8pMXWvmXKEnYkuCqh6VZoN6wLPLZdhcP0FFFFFFFFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define P521(extra)                                                                                \
	"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X521 "\",\"y\":\"" X521 "\"" extra "}"
#define X256 "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"

static int parse(const char *text, struct jwk_request *ret)
{
	return jwk_request_parse((const uint8_t *)text, strlen(text), ret);
}

static void reads_what_clevis_sends(void **state)
{
	static const char *const texts[] = {
		P521(""),
		P521(",\"alg\":\"ECMR\"") "\n",
		P521(",\"key_ops\":[\"deriveKey\"]"),
		P521(",\"key_ops\":[\"sign\",\"deriveKey\"],\"use\":\"enc\",\"foo\":{}"),
	};
	struct jwk_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_ok(parse(texts[i], &request));
		assert_int_equal(request.curve, MESSAGE_CURVE_P521);
		assert_int_equal(request.x[0], 0x01);
		assert_int_equal(request.x[1], 0xe3);
	}
}

static void aligns_small_fields_right(void **state)
{
	struct jwk_request request;

	(void)state;
	assert_ok(parse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}",
			&request));
	assert_int_equal(request.curve, MESSAGE_CURVE_P256);
	assert_int_equal(request.x[FIELD_BYTES_MAX - 33], 0);
	assert_int_equal(request.x[FIELD_BYTES_MAX - 32], 0x30);
}

static void refuses_the_rest(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"[]",
		"null",
		"{",
		P521("") "x",
		P521("") P521(""),
		P521(",\"d\":\"AA\""),
		P521(",\"d\":null"),
		P521(",\"k\":\"AA\""),
		P521(",\"alg\":\"ES512\""),
		P521(",\"alg\":1"),
		P521(",\"key_ops\":[\"verify\"]"),
		P521(",\"key_ops\":[]"),
		P521(",\"key_ops\":\"deriveKey\""),
		P521(",\"key_ops\":[1,\"deriveKey\"]"),
		P521(",\"use\":\"sig\""),
		P521(",\"kty\":\"EC\""), /* duplicate */
		"{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\"}",
		"{\"kty\":\"oct\",\"k\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X521 "\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X521 "\",\"y\":1}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X521 "\",\"y\":\"" X521 "A\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X521 "\",\"y\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256
		"\",\"y\":\"!!BCTNIcKUSDii11ySs3526"
		"iDZ8AiTo7Tu6KPAqv7D4\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}",
		"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}",
		"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X256 "\"}",
	};
	struct jwk_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (parse(texts[i], &request) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_null(strstr(fail_text(), X521));
	}
}

static void refuses_long_requests(void **state)
{
	static char text[JWK_REQUEST_MAX_BYTES + 2];
	struct jwk_request request;

	(void)state;
	strcpy(text, P521(""));
	memset(text + strlen(text), '\n', sizeof(text) - 1 - strlen(text));
	assert_int_equal(parse(text, &request), -EINVAL);
	text[JWK_REQUEST_MAX_BYTES] = 0;
	assert_ok(parse(text, &request));
}

static void prints_as_tang_does(void **state)
{
	struct message_exchanged answer = { .curve = MESSAGE_CURVE_P256 };
	struct jwk_request request;
	char *text;

	(void)state;
	assert_ok(parse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}",
			&request));
	memcpy(answer.x, request.x, sizeof(answer.x));
	memcpy(answer.y, request.y, sizeof(answer.y));
	assert_ok(jwk_reply_print(&answer, &text));
	assert_string_equal(text, "{\"alg\":\"ECMR\",\"crv\":\"P-256\",\"key_ops\":[\"deriveKey\"],"
				  "\"kty\":\"EC\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_clevis_sends),
		cmocka_unit_test(aligns_small_fields_right),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(refuses_long_requests),
		cmocka_unit_test(prints_as_tang_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
