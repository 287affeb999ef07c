/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment against a server that says what the test wants: good answers, each denial, garbage, no
 * answer at all. The HTTP client is replaced by a fake; advertisements are signed for real.
 *
 * UNIT_SOURCES: bootstrap/phases/enroll.c bootstrap/intent.c
 */
#include "bootstrap/phase.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/jwk.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <sys/stat.h>

#define DEVICE "00112233445566778899aabbccddeeff"
#define SERVER "https://unlock.example.com:8444"
#define DEVICE_URL "https://unlock.example.com:8443/d/" DEVICE
#define KEY "ABCD-EFGHJ-KMN"
#define TOKEN "0123456789012345678901234567890123456789012"

static char folder[] = "/tmp/test_enroll.XXXXXX";

/* --- the fake server ---------------------------------------------------------------------- */

static struct {
	int failure; /* of the transport */
	long status;
	const char *body; /* of /v1/enroll; NULL: a good one */
	const char *adv;  /* NULL: a good one */
	char *signed_adv, *good_body;
	unsigned enrollments, advs;
	char last_url[256];
	char *last_body, *first_body;
	enum http_family family;
} server;

static int answer(struct http_answer *ret, long status, const char *body)
{
	ret->status = status;
	ret->body = strdup(body);
	ret->body_len = strlen(body);
	return 0;
}

int http_exchange(const struct http_request *request, struct http_answer *ret)
{
	snprintf(server.last_url, sizeof(server.last_url), "%s", request->url);
	server.family = request->family;
	if (strcmp(request->method, "GET") == 0) {
		server.advs++;
		return answer(ret, 200, server.adv ? server.adv : server.signed_adv);
	}
	server.enrollments++;
	free(server.last_body);
	server.last_body = strndup(request->body, request->body_len);
	if (server.failure)
		return fail(server.failure, "%s: the certificate isn't right: check PANOCRYPT_CA",
			    request->url);
	return answer(ret, server.status, server.body ? server.body : server.good_body);
}

void http_answer_done(struct http_answer *done)
{
	free(TAKE_PTR(done->body));
}

int http_answer_check(const struct http_answer *checked, const char *what)
{
	return checked->status == 200 ? 0 : fail(-EPROTO, "%s: %ld", what, checked->status);
}

/* --- the machine -------------------------------------------------------------------------- */

static struct config config;
static struct facts facts;
static struct job job;

static char *in_folder(const char *name)
{
	static char path[320];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make_answers(void)
{
	CLEANUP_JSON json_t *sign = NULL, *exchange = NULL, *keys = NULL, *jws = NULL;
	char thumbprint[JWK_THUMBPRINT_SIZE];
	json_t *public_sign = NULL, *public_exchange = NULL;

	assert_ok(jwk_generate("ES512", &sign));
	assert_ok(jwk_generate("ECMR", &exchange));
	assert_ok(jwk_public(sign, &public_sign));
	assert_ok(jwk_public(exchange, &public_exchange));
	assert_ok(jwk_thumbprint(sign, thumbprint));
	keys = json_pack("{s:[o,o]}", "keys", public_sign, public_exchange);
	assert_ok(jwk_advertise(&sign, 1, keys, &jws));
	assert_ok(js_print(jws, &server.signed_adv));
	assert_ok(text_format(&server.good_body,
			      "{\"device\":\"" DEVICE "\",\"url\":\"" DEVICE_URL
			      "\",\"thumbprint\":\"%s\",\"report_token\":\"" TOKEN
			      "\",\"converting_until\":1790000000,\"tags\":[],\"organization\":"
			      "\"example\"}",
			      thumbprint));
}

static void forget(const char *name)
{
	assert_ok(file_remove(in_folder(name)));
}

static int setup(void **state UNUSED)
{
	free(TAKE_PTR(server.last_body));
	free(TAKE_PTR(server.first_body));
	server.failure = 0;
	server.status = 201;
	server.body = server.adv = NULL;
	server.enrollments = server.advs = 0;
	memset(&config, 0, sizeof(config));
	memset(&facts, 0, sizeof(facts));
	memset(&job, 0, sizeof(job));
	config.enrollment_key = KEY;
	strcpy(facts.os_id, "debian");
	strcpy(facts.hostname, "web1");
	strcpy(facts.net_address4, "10.0.2.15/24");
	job.config = &config;
	job.facts = &facts;
	job.state_dir = folder;
	strcpy(job.intent.server, SERVER);
	forget(NONCE_FILE);
	forget(INTENT_FILE);
	forget(INTENT_COPY_FILE);
	forget(REPORT_TOKEN_FILE);
	return 0;
}

static void enrolls(void **state UNUSED)
{
	CLEANUP_FREE char *token = NULL, *nonce = NULL;
	struct intent intent;
	struct stat st;

	assert_int_equal(phase_enroll.done(&job), 0);
	assert_ok(phase_enroll.run(&job));
	assert_int_equal(phase_enroll.done(&job), 1);
	assert_ok(intent_read(folder, &intent));
	assert_string_equal(intent.device, DEVICE);
	assert_string_equal(intent.device_url, DEVICE_URL);
	assert_string_equal(server.last_url, DEVICE_URL "/adv");
	assert_int_equal(server.family, HTTP_FAMILY_V4);
	assert_ok(file_read(in_folder(REPORT_TOKEN_FILE), 100, &token, NULL));
	assert_string_equal(token, TOKEN);
	assert_int_equal(stat(in_folder(REPORT_TOKEN_FILE), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(file_read(in_folder(NONCE_FILE), 100, &nonce, NULL));
	assert_int_equal(strlen(nonce), 32);
	assert_non_null(strstr(server.last_body, nonce));
	assert_non_null(strstr(server.last_body, KEY));
}

/* A second try says the same to the server, byte for byte: that is what makes it idempotent. */
static void a_second_try_is_the_same(void **state UNUSED)
{
	server.failure = -ETIMEDOUT;
	assert_int_equal(phase_enroll.run(&job), -ETIMEDOUT);
	assert_int_equal(phase_enroll.done(&job), 0);
	server.first_body = TAKE_PTR(server.last_body);
	server.failure = 0;
	server.status = 200;
	assert_ok(phase_enroll.run(&job));
	assert_string_equal(server.first_body, server.last_body);
	assert_int_equal(server.enrollments, 2);
}

/* Nothing that is left behind has the key in it. */
static void keeps_the_key_nowhere(void **state UNUSED)
{
	DIR *dir;
	const struct dirent *entry;

	assert_ok(phase_enroll.run(&job));
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		CLEANUP_FREE char *text = NULL;

		if (entry->d_name[0] == '.')
			continue;
		assert_ok(file_read(in_folder(entry->d_name), 1 * MIB, &text, NULL));
		assert_null(strstr(text, KEY));
		assert_null(strstr(text, "ABCDEFGHJKMN"));
	}
	closedir(dir);
}

static void each_denial_has_its_sentence(void **state UNUSED)
{
	static const struct {
		long status;
		const char *code, *sentence;
	} cases[] = {
		{ 401, "key-unknown", "typing error" },
		{ 403, "key-expired", "has expired" },
		{ 403, "key-used-up", "as often as it may" },
		{ 403, "key-revoked", "was revoked" },
		{ 403, "source-denied", "address" },
		{ 409, "clone", "clone?" },
		{ 429, "slow-down", "wait some minutes" },
		{ 400, "invalid", "versions" },
		{ 503, "other", "trouble of its own" },
		{ 404, "other", "isn't an unlock server" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *body = NULL;

		assert_ok(text_format(&body, "{\"type\":\"urn:panocrypt:%s\",\"title\":\"x\"}",
				      cases[i].code));
		server.status = cases[i].status;
		server.body = body;
		assert_true(phase_enroll.run(&job) < 0);
		assert_said(cases[i].sentence);
		assert_null(strstr(fail_text(), KEY));
		assert_int_equal(phase_enroll.done(&job), 0);
		assert_false(file_exists(in_folder(INTENT_FILE)));
	}
	server.body = NULL;
}

static void refuses_garbage(void **state UNUSED)
{
	static const char *const bodies[] = {
		"",
		"<html>hello</html>",
		"[]",
		"{}",
		"{\"device\":1}",
		"{\"device\":\"" DEVICE "\",\"url\":\"http://x/d/" DEVICE "\",\"thumbprint\":\"t\","
		"\"report_token\":\"" TOKEN "\"}",
		"{\"device\":\"" DEVICE "\",\"url\":\"" DEVICE_URL "\",\"thumbprint\":\"short\","
		"\"report_token\":\"" TOKEN "\"}",
		"{\"device\":\"../../etc\",\"url\":\"" DEVICE_URL "\",\"thumbprint\":\"" TOKEN
		"\",\"report_token\":\"" TOKEN "\"}",
		"{\"device\":\"" DEVICE "\",\"url\":\"https://a$(b)/d/" DEVICE
		"\",\"thumbprint\":\"" TOKEN "\",\"report_token\":\"" TOKEN "\"}",
		"{\"device\":\"" DEVICE "\",\"url\":\"" DEVICE_URL "x\",\"thumbprint\":\"" TOKEN
		"\",\"report_token\":\"" TOKEN "\"}",
		"{\"device\":\"" DEVICE "\",\"url\":\"" DEVICE_URL "\",\"thumbprint\":\"" TOKEN
		"\"}",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bodies); i++) {
		server.body = bodies[i];
		assert_true(phase_enroll.run(&job) < 0);
		assert_true(strlen(fail_text()) > 10);
		assert_int_equal(phase_enroll.done(&job), 0);
		assert_false(file_exists(in_folder(INTENT_FILE)));
		assert_int_equal(server.advs, 0);
	}
}

static void passes_the_transports_sentence_on(void **state UNUSED)
{
	server.failure = -EPERM;
	assert_int_equal(phase_enroll.run(&job), -EPERM);
	assert_said("PANOCRYPT_CA");
	assert_said("nothing was changed");
}

/* An advertisement that isn't signed by the key that enrollment named: somebody is in between. */
static void refuses_a_foreign_advertisement(void **state UNUSED)
{
	static const char *const advs[] = { "", "{}", "<html>", "{\"payload\":\"e30\"}" };
	CLEANUP_FREE char *own_adv = TAKE_PTR(server.signed_adv);
	CLEANUP_FREE char *own_body = TAKE_PTR(server.good_body);
	size_t i;

	make_answers(); /* of another device */
	server.body = own_body;
	assert_true(phase_enroll.run(&job) < 0);
	assert_said("the address to unlock at");
	assert_int_equal(server.advs, 1);
	server.body = NULL;
	for (i = 0; i < ARRAY_SIZE(advs); i++) {
		server.adv = advs[i];
		assert_true(phase_enroll.run(&job) < 0);
		assert_int_equal(phase_enroll.done(&job), 0);
	}
}

static void needs_a_key_and_the_ca(void **state UNUSED)
{
	config.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(phase_enroll.run(&job), -ENOENT);
	assert_said("/nonexistent/ca.pem");
	config.ca_file = NULL;
	config.enrollment_key = NULL;
	assert_int_equal(phase_enroll.run(&job), -EINVAL);
	assert_said("enrollment key");
	assert_int_equal(server.enrollments, 0);
}

static int begin(void **state UNUSED)
{
	if (!mkdtemp(folder))
		return -1;
	make_answers();
	return 0;
}

static int end(void **state)
{
	setup(state);
	free(server.signed_adv);
	free(server.good_body);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(enrolls, setup),
		cmocka_unit_test_setup(a_second_try_is_the_same, setup),
		cmocka_unit_test_setup(keeps_the_key_nowhere, setup),
		cmocka_unit_test_setup(each_denial_has_its_sentence, setup),
		cmocka_unit_test_setup(refuses_garbage, setup),
		cmocka_unit_test_setup(passes_the_transports_sentence_on, setup),
		cmocka_unit_test_setup(refuses_a_foreign_advertisement, setup),
		cmocka_unit_test_setup(needs_a_key_and_the_ca, setup),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
