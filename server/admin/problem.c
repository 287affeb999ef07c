/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See problem.h. Details never repeat a secret: handlers give names of members, not their values.
 */
#include "server/admin/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "server/edge/edge.h"

static const struct problem_row {
	const char *code;
	int status;
	const char *title;
	const char *detail; /* when the moment has none */
} rows[] = {
	/* The first row of a status is what the HTTP layer's refusals become. */
	{ "internal", 500, "The server failed", "See the server's log." },
	{ "malformed", 400, "The request is not HTTP as this server takes it",
	  "Send one Host, one Content-Length and no Transfer-Encoding." },
	{ "invalid", 400, "A member of the request is wrong", "See docs/protocol.md." },
	{ "token-unknown", 401, "No such token", "It is wrong, expired, ended or revoked." },
	{ "key-unknown", 401, "No such enrollment key",
	  "Check the key for typing errors, or create another." },
	{ "role", 403, "Your role may not do this", "Ask an administrator of your organization." },
	{ "approver", 403, "You can't decide this", "Ask one of its approvers." },
	{ "key-expired", 403, "The enrollment key has expired", "Create another." },
	{ "key-used-up", 403, "The enrollment key is used up",
	  "Create another, or one with more uses." },
	{ "key-full", 403, "As many devices of the enrollment key live as may",
	  "Revoke some, or create another." },
	{ "key-revoked", 403, "The enrollment key was revoked", "Create another." },
	{ "source-denied", 403, "The enrollment key may not be used from this address",
	  "Widen its redeem_from, or enroll from an allowed network." },
	{ "not-found", 404, "No such thing", "Check the path and the id." },
	{ "method", 405, "The path has no such method", "See docs/protocol.md." },
	{ "conflict", 409, "The present state forbids it", "Look at it again." },
	{ "clone", 409, "This nonce belongs to another machine or time",
	  "Is this a cloned disk? Remove its state folder and enroll it anew." },
	{ "too-large", 413, "The body is too large", "Bodies are at most 64 KiB." },
	{ "expect", 417, "Expect is not supported", "Send the body at once." },
	{ "slow-down", 429, "Too many requests from this address", "Wait a minute." },
	{ "key-too-fast", 429, "The enrollment key was used too often in the last hour",
	  "Try again later, or create another." },
	{ "header-too-large", 431, "The header is too large", "Headers are at most 8 KiB." },
	{ "unavailable", 503, "The server can't answer now", "Try again in a few seconds." },
	{ "quarantine", 503, "The server is in quarantine",
	  "Its store was restored from a backup: ask its operators to end that." },
	{ "version", 505, "Only HTTP/1.0 and 1.1", "Use HTTP/1.1." },
};

static const struct problem_row *find(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].code, code) == 0)
			return &rows[i];
	}
	return NULL;
}

bool problem_is_known(const char *code)
{
	return find(code) != NULL;
}

const char *problem_of_status(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].status == status)
			return rows[i].code;
	}
	return "internal";
}

static const char *extra_header(int status)
{
	switch (status) {
	case 401: return "WWW-Authenticate: Bearer\r\n";
	case 429: return "Retry-After: 60\r\n";
	case 503: return "Retry-After: 5\r\n";
	default: return NULL;
	}
}

void problem_answer(struct connection *connection, const char *code, const char *format, ...)
{
	const struct problem_row *row = find(code);
	CLEANUP_JSON json_t *body = NULL;
	CLEANUP_FREE char *text = NULL;
	char detail[512], type[64];
	struct answer answer = { .content_type = "application/problem+json" };
	va_list args;

	if (!row)
		row = &rows[0];
	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	snprintf(type, sizeof(type), "urn:panocrypt:%s", row->code);
	body = json_pack("{s:s, s:s, s:s, s:i}", "type", type, "title", row->title, "detail",
			 detail[0] ? detail : row->detail, "status", row->status);
	answer.status = row->status;
	answer.extra = extra_header(row->status);
	if (body && js_print(body, &text) == 0) {
		answer.body = text;
		answer.len = strlen(text);
	}
	connection_answer(connection, &answer);
}
