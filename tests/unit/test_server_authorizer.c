/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An authorizer's answer: the one form, taken apart and put together again; whose it is, and to
 * which question. Core's question.
 * UNIT_SOURCES: server/authorizer.c server/core/authorizer.c server/cidr.c server/reason.c
 */
#include "server/core/authorizer.h"

#include "common/jwk.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

#define ID "000102030405060708090a0b0c0d0e0f"
#define PAYLOAD "{\"decision\":\"allow\",\"expires\":1790000000,\"id\":\"" ID "\"}"

static const uint8_t id[AUTHORIZER_ID_BYTES] = { 0, 1, 2,  3,  4,  5,  6,  7,
						 8, 9, 10, 11, 12, 13, 14, 15 };

/* header.payload.signature of these texts; the signature is 64 bytes of nothing. */
static char *text_of(const char *header, const char *payload)
{
	CLEANUP_FREE char *head = NULL, *middle = NULL, *tail = NULL;
	static const uint8_t signature[64] = { 7 };
	char *ret = NULL;

	assert_ok(b64url_encode(header, strlen(header), &head));
	assert_ok(b64url_encode(payload, strlen(payload), &middle));
	assert_ok(b64url_encode(signature, sizeof(signature), &tail));
	assert_ok(text_format(&ret, "%s.%s.%s", head, middle, tail));
	return ret;
}

static int parse(const char *header, const char *payload, struct authorizer_answer *ret)
{
	CLEANUP_FREE char *text = text_of(header, payload);

	return authorizer_answer_parse(text, strlen(text), ret);
}

static void reads_what_it_prints(void **state)
{
	static const char *const headers[] = { "{\"alg\":\"ES256\"}",
					       "{\"typ\":\"JWT\",\"alg\":\"ES384\"}",
					       "{\"alg\":\"ES512\",\"typ\":\"JWT\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		CLEANUP_FREE char *text = text_of(headers[i], PAYLOAD), *again = NULL;
		struct authorizer_answer answer;

		assert_ok(authorizer_answer_parse(text, strlen(text), &answer));
		assert_true(answer.allows);
		assert_int_equal(answer.expires_s, 1790000000);
		assert_memory_equal(answer.id, id, sizeof(id));
		assert_int_equal(answer.signature_len, 64);
		assert_int_equal(answer.signature[0], 7);
		assert_ok(authorizer_answer_print(&answer, &again));
		assert_string_equal(again, text);
	}
}

static void takes_white_space_behind(void **state)
{
	CLEANUP_FREE char *text = text_of("{\"alg\":\"ES256\"}", PAYLOAD), *more = NULL;
	struct authorizer_answer answer;

	(void)state;
	assert_ok(text_format(&more, "%s\r\n", text));
	assert_ok(authorizer_answer_parse(more, strlen(more), &answer));
	free(more);
	assert_ok(text_format(&more, " %s", text));
	assert_int_equal(authorizer_answer_parse(more, strlen(more), &answer), -EINVAL);
	/* A zero byte and what follows it is no white space. */
	assert_int_equal(authorizer_answer_parse(text, strlen(text) + 1, &answer), -EINVAL);
}

static void refuses_every_other_form(void **state)
{
	static const struct {
		const char *header, *payload;
	} rows[] = {
		{ "{\"alg\":\"none\"}", PAYLOAD },
		{ "{\"alg\":\"HS256\"}", PAYLOAD },
		{ "{\"alg\":\"ES256\",\"kid\":\"x\"}", PAYLOAD },
		{ "{\"alg\": \"ES256\"}", PAYLOAD },
		{ "", PAYLOAD },
		{ "{\"alg\":\"ES256\"}", "" },
		{ "{\"alg\":\"ES256\"}", "[]" },
		{ "{\"alg\":\"ES256\"}", "{}" },
		{ "{\"alg\":\"ES256\"}", PAYLOAD " " },
		{ "{\"alg\":\"ES256\"}", "{\"decision\":\"yes\",\"expires\":1,\"id\":\"" ID "\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"decision\":\"allow\",\"expires\":-1,\"id\":\"" ID "\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"decision\":\"allow\",\"expires\":1.5,\"id\":\"" ID "\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"decision\":\"allow\",\"expires\":01,\"id\":\"" ID "\"}" },
		{ "{\"alg\":\"ES256\"}", "{\"decision\":\"allow\",\"expires\":1,\"id\":\"00\"}" },
		{ "{\"alg\":\"ES256\"}", "{\"decision\":\"allow\",\"expires\":1,\"id\":"
					 "\"000102030405060708090A0B0C0D0E0F\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"expires\":1,\"decision\":\"allow\",\"id\":\"" ID "\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"decision\":\"deny\",\"decision\":\"allow\",\"expires\":1,\"id\":\"" ID
		  "\"}" },
		{ "{\"alg\":\"ES256\"}",
		  "{\"decision\":\"allow\",\"expires\":1,\"id\":\"" ID "\",\"more\":1}" },
	};
	struct authorizer_answer answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (parse(rows[i].header, rows[i].payload, &answer) != -EINVAL)
			fail_msg("%s %s was taken", rows[i].header, rows[i].payload);
}

static void refuses_what_is_no_jws(void **state)
{
	CLEANUP_FREE char *text = text_of("{\"alg\":\"ES256\"}", PAYLOAD);
	char large[AUTHORIZER_ANSWER_MAX_BYTES + 1];
	struct authorizer_answer answer;

	(void)state;
	memset(large, 'A', sizeof(large));
	assert_int_equal(authorizer_answer_parse(large, sizeof(large), &answer), -EINVAL);
	assert_int_equal(authorizer_answer_parse(large, sizeof(large) - 1, &answer), -EINVAL);
	assert_int_equal(authorizer_answer_parse("", 0, &answer), -EINVAL);
	assert_int_equal(authorizer_answer_parse("..", 2, &answer), -EINVAL);
	/* Any byte of it changed, is another answer or none, and never this one unnoticed. */
	for (size_t i = 0; text[i]; i++) {
		CLEANUP_FREE char *again = NULL;
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		if (authorizer_answer_parse(text, strlen(text), &answer) == 0) {
			assert_ok(authorizer_answer_print(&answer, &again));
			assert_string_equal(again, text);
		}
		text[i] = was;
	}
	*strrchr(text, '.') = '\0';
	assert_int_equal(authorizer_answer_parse(text, strlen(text), &answer), -EINVAL);
}

/* --- whose it is ----------------------------------------------------------------------------- */

static void take_key(const json_t *jwk, struct store_authorizer *ret)
{
	assert_ok(js_copy(jwk, "crv", ret->curve, sizeof(ret->curve)));
	assert_ok(js_copy(jwk, "x", ret->x, sizeof(ret->x)));
	assert_ok(js_copy(jwk, "y", ret->y, sizeof(ret->y)));
}

static struct authorizer_answer signed_answer(const json_t *key, const char *payload)
{
	CLEANUP_FREE char *text = NULL;
	struct authorizer_answer answer;

	assert_ok(jwk_sign_text(key, payload, &text));
	assert_ok(authorizer_answer_parse(text, strlen(text), &answer));
	return answer;
}

static void knows_whose_it_is(void **state)
{
	CLEANUP_JWK json_t *key = NULL, *other = NULL;
	struct store_authorizer authorizer = { .url = "" };
	struct authorizer_answer answer;
	uint8_t another[AUTHORIZER_ID_BYTES] = { 9 };

	(void)state;
	assert_ok(jwk_generate("ES512", &key));
	assert_ok(jwk_generate("ES512", &other));
	take_key(key, &authorizer);
	answer = signed_answer(key, PAYLOAD);
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SAID_ALLOW);
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, another),
			 AUTHORIZER_WRONG_ID);
	/* Each number that the courier passes on is under the signature. */
	answer.allows = false;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer = signed_answer(key, PAYLOAD);
	answer.expires_s++;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer = signed_answer(key, PAYLOAD);
	memcpy(answer.id, another, sizeof(another));
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, another),
			 AUTHORIZER_SIGNATURE);
	answer = signed_answer(key, PAYLOAD);
	answer.signature[5] ^= 1;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer = signed_answer(key, PAYLOAD);
	answer.header = 0; /* as if by ES256 */
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer = signed_answer(other, PAYLOAD);
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer = signed_answer(key, "{\"decision\":\"deny\",\"expires\":5,\"id\":\"" ID "\"}");
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SAID_DENY);
}

static void survives_any_numbers(void **state)
{
	struct store_authorizer authorizer = { .curve = "P-256", .x = "AA", .y = "AA" };
	struct authorizer_answer answer = { .header = AUTHORIZER_HEADER_COUNT,
					    .signature_len = 64 };

	(void)state;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_FAILED);
	answer.header = 0;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_SIGNATURE);
	answer.signature_len = 0;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_FAILED);
	answer.signature_len = AUTHORIZER_SIGNATURE_MAX + 1;
	assert_int_equal(authorizer_answer_check(&answer, &authorizer, id), AUTHORIZER_FAILED);
}

static void asks(void **state)
{
	static const uint8_t device[DEVICE_ID_BYTES] = { 0xab };
	struct authorizer_question question = { .url = "https://auth.example/ask",
						.organization = "example",
						.device = device,
						.reason = REASON_WAIVER,
						.now_s = 1000 };
	CLEANUP_JWK json_t *key = NULL;
	CLEANUP_FREE char *text = NULL, *payload = NULL;
	struct source_address source;

	(void)state;
	assert_ok(source_parse("192.0.2.7", &source));
	question.source = &source;
	memcpy(question.id, id, sizeof(id));
	assert_ok(jwk_generate("ES512", &key));
	assert_ok(authorizer_question_print(&question, key, &text));
	assert_ok(jwk_verify_text(key, text, 4096, &payload));
	assert_string_equal(payload, "{\"audience\":\"https://auth.example/ask\",\"device\":"
				     "\"ab000000000000000000000000000000\",\"expires\":1060,"
				     "\"id\":\"" ID "\",\"organization\":\"example\","
				     "\"reason\":\"waiver\",\"source\":\"192.0.2.7\",\"time\":1000,"
				     "\"type\":\"panocrypt-authorization\"}");
	free(text);
	free(payload);
	text = payload = NULL;
	question.device = NULL;
	assert_ok(authorizer_question_print(&question, key, &text));
	assert_ok(jwk_verify_text(key, text, 4096, &payload));
	assert_non_null(strstr(payload, "\"device\":\"\""));
	assert_non_null(strstr(payload, "\"reason\":\"test\",\"source\":\"\""));
}

static void every_cause_has_its_words(void **state)
{
	(void)state;
	for (int cause = 0; cause < AUTHORIZER_CAUSE_COUNT; cause++) {
		const char *name = authorizer_cause_name((enum authorizer_cause)cause);

		assert_non_null(name);
		assert_true(strlen(name) < 16); /* the audit's room */
		assert_non_null(authorizer_cause_advice((enum authorizer_cause)cause));
		for (int other = 0; other < cause; other++)
			assert_string_not_equal(
				name, authorizer_cause_name((enum authorizer_cause)other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_prints),
		cmocka_unit_test(takes_white_space_behind),
		cmocka_unit_test(refuses_every_other_form),
		cmocka_unit_test(refuses_what_is_no_jws),
		cmocka_unit_test(knows_whose_it_is),
		cmocka_unit_test(survives_any_numbers),
		cmocka_unit_test(asks),
		cmocka_unit_test(every_cause_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
