/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a converting machine reports of itself: progress and evidence. Everything here is "claimed
 * by the machine" and can only shorten what it may do.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/routes.h"

#define MESSAGE_MAX 500
#define EVIDENCE_MAX_BYTES (32 * KIB)

/* Names of the conversion's phases (docs/architecture.md); "undo" takes the machine back. */
static const char *const phases[] = {
	"enroll", "packages", "header", "initramfs", "rehearse", "carve", "bootpart",
	"shrink", "place",    "open",	"encrypt",   "wipe",	 "grow",  "swap",
	"data",	  "rotate",   "native", "verify",    "leave",	 "undo",
};
static const char *const states[] = { "running", "done", "failed", "refused" };

static bool is_one_of(const char *text, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0)
			return true;
	}
	return false;
}

static int read_percent(const json_t *body, double *ret)
{
	const json_t *value = json_object_get(body, "percent");

	if (!value || json_is_null(value)) {
		*ret = 0;
		return 0;
	}
	if (!json_is_number(value) || !(json_number_value(value) >= 0) ||
	    !(json_number_value(value) <= 100))
		return fail(-EINVAL, "member \"percent\" must be a number from 0 to 100");
	*ret = json_number_value(value);
	return 0;
}

static const char *const waits[] = { "", "key", "resume" };

/* Any number that JSON has and a signed 64-bit column takes. */
static int read_figures(const json_t *body, struct store_figures *ret)
{
	int r;

	r = js_u64_or(body, "done_bytes", 0, &ret->done_bytes);
	if (!r)
		r = js_u64_or(body, "total_bytes", 0, &ret->total_bytes);
	if (!r)
		r = js_u64_or(body, "bytes_per_s", 0, &ret->bytes_per_s);
	return r ? r : js_u64_or(body, "eta_s", 0, &ret->eta_s);
}

static int read_progress(const json_t *body, struct store_progress *ret)
{
	int r;

	r = js_string(body, "phase", &ret->phase);
	if (!r)
		r = js_string(body, "state", &ret->state);
	if (!r)
		r = js_u64_or(body, "boot", 0, &ret->boot);
	if (!r)
		r = read_percent(body, &ret->percent);
	if (!r)
		r = js_string_or(body, "message", "", &ret->message);
	if (!r)
		r = js_string_or(body, "waiting", "", &ret->waiting);
	if (!r)
		r = read_figures(body, &ret->figures);
	if (r < 0)
		return r;
	if (!is_one_of(ret->phase, phases, ARRAY_SIZE(phases)))
		return fail(-EINVAL, "member \"phase\" isn't the name of a phase");
	if (!is_one_of(ret->state, states, ARRAY_SIZE(states)))
		return fail(-EINVAL, "member \"state\" must be running, done, failed or refused");
	if (!is_one_of(ret->waiting, waits, ARRAY_SIZE(waits)))
		return fail(-EINVAL, "member \"waiting\" must be key, resume or empty");
	if (strlen(ret->message) > MESSAGE_MAX)
		return fail(-EINVAL, "member \"message\" is longer than %d bytes", MESSAGE_MAX);
	if (ret->boot > 1000000)
		return fail(-EINVAL, "member \"boot\" is too large");
	return 0;
}

static void answer_report(struct call *call, int r)
{
	if (r < 0)
		answer_failure(call->connection, r);
	else if (r)
		problem_answer(call->connection, "token-unknown", "%s", "");
	else
		answer_empty(call->connection);
}

void route_progress(struct call *call)
{
	struct store_progress progress;

	if (read_progress(call->body, &progress) < 0) {
		answer_invalid(call->connection);
		return;
	}
	answer_report(call, store_progress(call->admin->store, call->token, &progress,
					   connection_source(call->connection)));
}

void route_evidence(struct call *call)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	r = js_print(call->body, &text);
	if (r < 0) {
		answer_failure(call->connection, r);
		return;
	}
	if (strlen(text) > EVIDENCE_MAX_BYTES) {
		problem_answer(call->connection, "invalid", "Evidence is at most 32 KiB.");
		return;
	}
	answer_report(call, store_evidence(call->admin->store, call->token, text,
					   connection_source(call->connection)));
}
