/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports to the server: what is sent, how often, and that a report never disturbs what it is
 * about. The HTTP client is a fake.
 *
 * UNIT_SOURCES: bootstrap/report.c bootstrap/progress.c
 */
#include "bootstrap/report.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

#define TOKEN "0123456789012345678901234567890123456789012"

static char folder[] = "/tmp/test_report.XXXXXX";
static char token_path[128];

static struct {
	int failure;
	long status;
	unsigned requests;
	char url[256], body[2048], bearer[64];
	unsigned timeout_s;
} server;

static struct intent intent;
static struct reporter reporter;

int http_exchange(const struct http_request *request, struct http_answer *ret)
{
	server.requests++;
	server.timeout_s = request->timeout_s;
	snprintf(server.url, sizeof(server.url), "%s", request->url);
	snprintf(server.body, sizeof(server.body), "%.*s", (int)request->body_len,
		 (const char *)request->body);
	snprintf(server.bearer, sizeof(server.bearer), "%.*s", (int)request->bearer->len,
		 (const char *)request->bearer->data);
	if (server.failure)
		return fail(server.failure, "no connection");
	ret->status = server.status;
	return 0;
}

void http_answer_done(struct http_answer *done UNUSED)
{
}

int http_answer_check(const struct http_answer *answer, const char *what)
{
	return answer->status == 204 ? 0 : fail(-EPROTO, "%s: status %ld", what, answer->status);
}

static int setup(void **state UNUSED)
{
	memset(&server, 0, sizeof(server));
	server.status = 204;
	memset(&intent, 0, sizeof(intent));
	strcpy(intent.server, "https://unlock.example.com:8444");
	strcpy(intent.device, "00112233445566778899aabbccddeeff");
	reporter = (struct reporter){ .intent = &intent, .state_dir = folder, .boot = 3 };
	fail_clear();
	return file_replace_text(token_path, TOKEN "\n", 0600);
}

static void sends_progress(void **state UNUSED)
{
	CLEANUP_JSON json_t *body = NULL;
	const char *text;
	uint64_t boot;

	report_progress(&reporter, "encrypt", REPORT_DONE, 100, "all of it");
	assert_int_equal(server.requests, 1);
	assert_string_equal(server.url, "https://unlock.example.com:8444/v1/device/progress");
	assert_string_equal(server.bearer, TOKEN);
	assert_true(server.timeout_s <= 5);
	assert_ok(js_parse(server.body, strlen(server.body), 4096, &body));
	assert_ok(js_string(body, "phase", &text));
	assert_string_equal(text, "encrypt");
	assert_ok(js_string(body, "state", &text));
	assert_string_equal(text, "done");
	assert_ok(js_string(body, "message", &text));
	assert_string_equal(text, "all of it");
	assert_ok(js_u64(body, "boot", &boot));
	assert_int_equal(boot, 3);
	assert_true(json_number_value(json_object_get(body, "percent")) == 100.0);
}

static void sends_running_reports_rarely(void **state UNUSED)
{
	unsigned i;

	for (i = 0; i < 50; i++)
		report_progress(&reporter, "encrypt", REPORT_RUNNING, i, NULL);
	assert_int_equal(server.requests, 1);
	report_progress(&reporter, "encrypt", REPORT_FAILED, -1, "why");
	assert_int_equal(server.requests, 2);
	assert_null(strstr(server.body, "percent"));
}

static void sends_figures(void **state UNUSED)
{
	const struct progress progress = { "encrypt", "", 512 * MIB, GIB, 64 * MIB };
	CLEANUP_JSON json_t *body = NULL;
	uint64_t number = 0;
	const char *text;

	report_running(&reporter, &progress);
	report_running(&reporter, &progress); /* too soon */
	assert_int_equal(server.requests, 1);
	assert_ok(js_parse(server.body, strlen(server.body), 4096, &body));
	assert_ok(js_string(body, "message", &text));
	assert_string_equal(text, "50.0 %, 64 MiB/s, 8 s left");
	assert_ok(js_string(body, "waiting", &text));
	assert_string_equal(text, "");
	assert_ok(js_u64(body, "done_bytes", &number));
	assert_int_equal(number, 512 * MIB);
	assert_ok(js_u64(body, "total_bytes", &number));
	assert_int_equal(number, GIB);
	assert_ok(js_u64(body, "bytes_per_s", &number));
	assert_int_equal(number, 64 * MIB);
	assert_ok(js_u64(body, "eta_s", &number));
	assert_int_equal(number, 8);
	assert_true(json_number_value(json_object_get(body, "percent")) == 50.0);
}

static void stops_when_the_token_is_dead(void **state UNUSED)
{
	CLEANUP_JSON json_t *evidence = json_object();

	server.status = 401;
	report_progress(&reporter, "encrypt", REPORT_DONE, -1, NULL);
	report_progress(&reporter, "wipe", REPORT_DONE, -1, NULL);
	assert_int_equal(server.requests, 1);
	assert_int_equal(report_evidence(&reporter, evidence), -EACCES);
	assert_int_equal(server.requests, 1);
}

/* The sentence of the failure that is being reported must come through, sent and kept. */
static void keeps_the_sentence(void **state UNUSED)
{
	int r UNUSED = fail(-EIO, "the disk is gone");

	server.failure = -ECONNREFUSED;
	report_progress(&reporter, "encrypt", REPORT_FAILED, -1, fail_text());
	assert_string_equal(fail_text(), "the disk is gone");
	assert_non_null(strstr(server.body, "the disk is gone"));
	fail_clear();
	report_progress(&reporter, "encrypt", REPORT_FAILED, -1, NULL);
	assert_string_equal(fail_text(), "");
}

static void cuts_and_cleans_messages(void **state UNUSED)
{
	CLEANUP_JSON json_t *body = NULL;
	const char *text;
	char message[1000];

	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	message[10] = '\xff';
	report_progress(&reporter, "header", REPORT_FAILED, -1, message);
	assert_ok(js_parse(server.body, strlen(server.body), 4096, &body));
	assert_ok(js_string(body, "message", &text));
	assert_int_equal(strlen(text), 480);
	assert_int_equal(text[10], '?');
}

static void says_nothing_before_enrollment(void **state UNUSED)
{
	intent.device[0] = '\0';
	report_progress(&reporter, "enroll", REPORT_RUNNING, -1, NULL);
	assert_int_equal(server.requests, 0);
}

static void goes_on_without_a_token(void **state UNUSED)
{
	CLEANUP_JSON json_t *evidence = json_object();

	assert_ok(file_remove(token_path));
	report_progress(&reporter, "wipe", REPORT_DONE, -1, NULL);
	assert_true(report_evidence(&reporter, evidence) < 0);
	assert_said("evidence");
	assert_int_equal(server.requests, 0);
}

static void sends_evidence(void **state UNUSED)
{
	CLEANUP_JSON json_t *evidence = json_pack("{s:s}", "cipher", "aes-xts-plain64");

	assert_ok(report_evidence(&reporter, evidence));
	assert_string_equal(server.body, "{\"cipher\":\"aes-xts-plain64\"}");
	assert_non_null(strstr(server.url, "/v1/device/evidence"));
	server.status = 500;
	assert_true(report_evidence(&reporter, evidence) < 0);
}

static int begin(void **state UNUSED)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(token_path, sizeof(token_path), "%s/" REPORT_TOKEN_FILE, folder);
	return 0;
}

static int end(void **state UNUSED)
{
	unlink(token_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sends_progress, setup),
		cmocka_unit_test_setup(sends_running_reports_rarely, setup),
		cmocka_unit_test_setup(sends_figures, setup),
		cmocka_unit_test_setup(stops_when_the_token_is_dead, setup),
		cmocka_unit_test_setup(keeps_the_sentence, setup),
		cmocka_unit_test_setup(cuts_and_cleans_messages, setup),
		cmocka_unit_test_setup(says_nothing_before_enrollment, setup),
		cmocka_unit_test_setup(goes_on_without_a_token, setup),
		cmocka_unit_test_setup(sends_evidence, setup),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
