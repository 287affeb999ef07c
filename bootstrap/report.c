/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the server how far things are. Best effort: five seconds at most, and never a reason to
 * stop a conversion. The report token is read from its file each time and kept nowhere else.
 */
#include "bootstrap/report.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/http_client.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <string.h>
#include <time.h>

#define TIMEOUT_S 5
#define RUNNING_INTERVAL_MS 5000
#define MESSAGE_CHARS_MAX 480 /* the server takes 500 bytes */
#define TOKEN_BYTES_MAX 256
#define UNAUTHORIZED 401

static const char *const state_names[] = {
	[REPORT_RUNNING] = "running",
	[REPORT_DONE] = "done",
	[REPORT_FAILED] = "failed",
	[REPORT_REFUSED] = "refused",
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int read_token(const char *state_dir, struct secret *ret)
{
	CLEANUP_FREE char *path = NULL;
	int r;

	r = text_format(&path, "%s/%s", state_dir, REPORT_TOKEN_FILE);
	if (r == 0)
		r = secret_read_file(ret, path, TOKEN_BYTES_MAX);
	if (r == 0)
		secret_trim_newline(ret);
	return r;
}

static int post(struct reporter *reporter, const char *what, const json_t *value)
{
	CLEANUP_SECRET struct secret token = SECRET_EMPTY;
	CLEANUP_FREE char *url = NULL, *body = NULL;
	struct http_answer answer = { 0 };
	int r;

	r = read_token(reporter->state_dir, &token);
	if (r == 0)
		r = text_format(&url, "%s/v1/device/%s", reporter->intent->server, what);
	if (r == 0)
		r = js_print(value, &body);
	if (r < 0)
		return r;
	const struct http_request request = {
		.method = "POST",
		.url = url,
		.content_type = "application/json",
		.body = body,
		.body_len = strlen(body),
		.bearer = &token,
		.ca_file = reporter->intent->ca_file[0] ? reporter->intent->ca_file : NULL,
		.connect_timeout_s = TIMEOUT_S,
		.timeout_s = TIMEOUT_S,
	};
	r = http_exchange(&request, &answer);
	if (r < 0)
		return r;
	if (answer.status == UNAUTHORIZED)
		reporter->is_dead = true;
	r = http_answer_check(&answer, what);
	http_answer_done(&answer);
	return r;
}

/* At most one running report in the interval: the first at once. */
static bool is_due(struct reporter *reporter, enum report_state state)
{
	uint64_t now = now_ms();

	if (state == REPORT_RUNNING && reporter->last_sent_ms &&
	    now - reporter->last_sent_ms < RUNNING_INTERVAL_MS)
		return false;
	reporter->last_sent_ms = now;
	return true;
}

/* Free text from a tool's output may be anything; JSON and the server want UTF-8 and an end. */
static json_t *message_value(const char *message)
{
	json_t *value = json_stringn(message, strnlen(message, MESSAGE_CHARS_MAX));
	char ascii[MESSAGE_CHARS_MAX + 1];
	size_t i;

	if (value)
		return value;
	snprintf(ascii, sizeof(ascii), "%s", message);
	for (i = 0; ascii[i]; i++) {
		if (ascii[i] & 0x80)
			ascii[i] = '?';
	}
	return json_string(ascii);
}

static json_t *progress_value(const struct reporter *reporter, const char *phase,
			      enum report_state state, double percent, const char *message)
{
	json_t *value = json_pack("{s:s,s:s,s:i}", "phase", phase, "state", state_names[state],
				  "boot", (int)reporter->boot);

	if (!value)
		return NULL;
	if (percent >= 0)
		json_object_set_new(value, "percent", json_real(percent));
	if (message)
		json_object_set_new(value, "message", message_value(message));
	return value;
}

static void add_figures(json_t *value, const struct progress *progress)
{
	json_object_set_new(value, "done_bytes", json_integer((json_int_t)progress->done_bytes));
	json_object_set_new(value, "total_bytes", json_integer((json_int_t)progress->total_bytes));
	json_object_set_new(value, "bytes_per_s", json_integer((json_int_t)progress->bytes_per_s));
	json_object_set_new(value, "eta_s", json_integer((json_int_t)progress_eta_s(progress)));
	json_object_set_new(value, "waiting", json_string(progress->waiting));
}

static bool has_nobody(const struct reporter *reporter)
{
	return reporter->is_dead || !reporter->intent->server[0] || !reporter->intent->device[0];
}

/* Takes value. Reporting a failure must not replace its sentence. */
static void send_progress(struct reporter *reporter, json_t *value)
{
	CLEANUP_JSON json_t *owned = value;
	char sentence[FAIL_TEXT_MAX];

	snprintf(sentence, sizeof(sentence), "%s", fail_text());
	if (owned && post(reporter, "progress", owned) < 0)
		log_debug("progress not reported: %s", fail_text());
	fail_clear();
	if (sentence[0]) {
		int r UNUSED = fail(-EIO, "%s", sentence);
	}
}

void report_progress(struct reporter *reporter, const char *phase, enum report_state state,
		     double percent, const char *message)
{
	if (!is_due(reporter, state) || has_nobody(reporter))
		return;
	send_progress(reporter, progress_value(reporter, phase, state, percent, message));
}

void report_running(struct reporter *reporter, const struct progress *progress)
{
	char text[96];
	json_t *value;

	if (!is_due(reporter, REPORT_RUNNING) || has_nobody(reporter))
		return;
	progress_text(text, sizeof(text), progress);
	value = progress_value(reporter, progress->phase, REPORT_RUNNING,
			       progress->total_bytes ? progress_percent(progress) : -1, text);
	if (value)
		add_figures(value, progress);
	send_progress(reporter, value);
}

int report_evidence(struct reporter *reporter, const json_t *evidence)
{
	int r;

	if (reporter->is_dead)
		return fail(-EACCES, "the server takes no more reports from this machine");
	r = post(reporter, "evidence", evidence);
	return r < 0 ? fail_at(r, "sending evidence") : 0;
}
