/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header.payload.signature. Parsing ends with printing what was understood: only a text that comes
 * out the same was one of ours.
 */
#include "server/authorizer.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "common/jwk.h"
#include "common/strbuf.h"

/* What the usual libraries write. */
static const char *const headers[AUTHORIZER_HEADER_COUNT] = {
	"{\"alg\":\"ES256\"}",
	"{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
	"{\"typ\":\"JWT\",\"alg\":\"ES256\"}",
	"{\"alg\":\"ES384\"}",
	"{\"alg\":\"ES384\",\"typ\":\"JWT\"}",
	"{\"typ\":\"JWT\",\"alg\":\"ES384\"}",
	"{\"alg\":\"ES512\"}",
	"{\"alg\":\"ES512\",\"typ\":\"JWT\"}",
	"{\"typ\":\"JWT\",\"alg\":\"ES512\"}",
};

#define NOT_THE_FORM "the authorizer's answer isn't in the form that docs/authorizer.md describes"

int authorizer_answer_print(const struct authorizer_answer *answer, char **ret)
{
	CLEANUP_FREE char *header = NULL, *payload = NULL, *signature = NULL, *text = NULL;
	char id[2 * AUTHORIZER_ID_BYTES + 1];
	int r;

	if (answer->header >= AUTHORIZER_HEADER_COUNT || answer->signature_len == 0 ||
	    answer->signature_len > AUTHORIZER_SIGNATURE_MAX)
		return fail(-EINVAL, NOT_THE_FORM);
	text_hex(id, answer->id, sizeof(answer->id));
	r = text_format(&text, "{\"decision\":\"%s\",\"expires\":%llu,\"id\":\"%s\"}",
			answer->allows ? "allow" : "deny", (unsigned long long)answer->expires_s,
			id);
	if (r == 0)
		r = b64url_encode(headers[answer->header], strlen(headers[answer->header]),
				  &header);
	if (r == 0)
		r = b64url_encode(text, strlen(text), &payload);
	if (r == 0)
		r = b64url_encode(answer->signature, answer->signature_len, &signature);
	return r < 0 ? r : text_format(ret, "%s.%s.%s", header, payload, signature);
}

static int read_header(const char *part, unsigned *ret)
{
	for (unsigned i = 0; i < AUTHORIZER_HEADER_COUNT; i++) {
		CLEANUP_FREE char *known = NULL;
		int r = b64url_encode(headers[i], strlen(headers[i]), &known);

		if (r < 0)
			return r;
		if (strcmp(known, part) == 0) {
			*ret = i;
			return 0;
		}
	}
	return fail(-EINVAL,
		    "the authorizer's answer isn't signed by ES256, ES384 or ES512, or its "
		    "header has more than alg and typ");
}

static int read_payload(const char *part, struct authorizer_answer *ret)
{
	CLEANUP_FREE uint8_t *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	const char *decision, *id;
	size_t len;
	int r;

	r = b64url_decode(part, AUTHORIZER_ANSWER_MAX_BYTES, &text, &len);
	if (r == 0)
		r = js_parse((const char *)text, len, AUTHORIZER_ANSWER_MAX_BYTES, &value);
	if (r == 0)
		r = js_string(value, "decision", &decision);
	if (r == 0)
		r = js_u64(value, "expires", &ret->expires_s);
	if (r == 0)
		r = js_string(value, "id", &id);
	if (r == 0)
		r = text_unhex(ret->id, sizeof(ret->id), id);
	if (r < 0)
		return fail_at(-EINVAL, "the authorizer's answer");
	ret->allows = strcmp(decision, "allow") == 0;
	return ret->allows || strcmp(decision, "deny") == 0
		       ? 0
		       : fail(-EINVAL, "the authorizer's decision is neither allow nor deny");
}

static int read_signature(const char *part, struct authorizer_answer *ret)
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	int r = b64url_decode(part, AUTHORIZER_SIGNATURE_MAX, &bytes, &ret->signature_len);

	if (r < 0 || ret->signature_len == 0)
		return fail(-EINVAL, "the authorizer's answer has no signature");
	memcpy(ret->signature, bytes, ret->signature_len);
	return 0;
}

/* "header.payload.signature", zero-terminated, cut in place. */
static int read_parts(char *text, struct authorizer_answer *ret)
{
	char *payload = strchr(text, '.');
	char *signature = payload ? strchr(payload + 1, '.') : NULL;
	int r;

	if (!signature)
		return fail(-EINVAL, "the authorizer's answer isn't a compact JWS");
	*payload++ = '\0';
	*signature++ = '\0';
	r = read_header(text, &ret->header);
	if (r == 0)
		r = read_payload(payload, ret);
	return r < 0 ? r : read_signature(signature, ret);
}

int authorizer_answer_parse(const char *text, size_t len, struct authorizer_answer *ret)
{
	CLEANUP_FREE char *again = NULL;
	char whole[AUTHORIZER_ANSWER_MAX_BYTES + 1], copy[AUTHORIZER_ANSWER_MAX_BYTES + 1];
	struct authorizer_answer answer = { .header = 0 };
	int r;

	if (len > AUTHORIZER_ANSWER_MAX_BYTES || memchr(text, '\0', len))
		return fail(-EINVAL, NOT_THE_FORM);
	while (len > 0 && strchr(" \r\n\t", text[len - 1]))
		len--;
	memcpy(whole, text, len);
	whole[len] = '\0';
	memcpy(copy, whole, len + 1);
	r = read_parts(copy, &answer);
	if (r == 0)
		r = authorizer_answer_print(&answer, &again);
	if (r < 0)
		return r;
	if (strcmp(again, whole) != 0)
		return fail(-EINVAL, NOT_THE_FORM);
	*ret = answer;
	return 0;
}

static const struct cause_row {
	const char *name, *advice;
} causes[AUTHORIZER_CAUSE_COUNT] = {
	[AUTHORIZER_NOT_ASKED] = { "not-asked", "the external authorizer will be asked" },
	[AUTHORIZER_SAID_ALLOW] = { "allow", "the external authorizer said yes" },
	[AUTHORIZER_SAID_DENY] = { "deny", "the external authorizer said no: ask who runs it" },
	[AUTHORIZER_TIMEOUT] = { "timeout",
				 "no whole answer within 3 seconds: see whether it runs, "
				 "and the network to it" },
	[AUTHORIZER_NO_NAME] = { "name",
				 "the name in its URL can't be resolved: check the URL, and "
				 "the server's DNS" },
	[AUTHORIZER_NO_CONNECTION] = { "connection",
				       "no connection: see whether it runs, its port, and the "
				       "firewalls between" },
	[AUTHORIZER_PRIVATE] = { "private", "its address is private: an operator can allow it with "
					    "\"panocryptd serve --courier-to\"" },
	[AUTHORIZER_CERTIFICATE] = { "certificate", "TLS failed, or its certificate isn't trusted: "
						    "name its CA with --authorizer-ca" },
	[AUTHORIZER_STATUS] = { "status", "it answered with another HTTP status than 200: look at "
					  "its log" },
	[AUTHORIZER_TOO_LARGE] = { "too-large", "its answer is larger than 1 KiB" },
	[AUTHORIZER_GARBAGE] = { "garbage", "its answer isn't in the form that docs/authorizer.md "
					    "describes" },
	[AUTHORIZER_SIGNATURE] = { "signature", "its answer isn't signed by the configured key" },
	[AUTHORIZER_WRONG_ID] = { "wrong-id", "it answered another question: a replay?" },
	[AUTHORIZER_EXPIRED] = { "expired", "its answer had expired: check both clocks" },
	[AUTHORIZER_CHANGED] = { "changed", "its setting or the device's policy has changed while "
					    "it was asked: it will be asked again" },
	[AUTHORIZER_BUSY] = { "busy",
			      "too many unlocks wait for it, or the courier isn't running" },
	[AUTHORIZER_FAILED] = { "failed", "it couldn't be asked: look at the server's log" },
};

const char *authorizer_cause_name(enum authorizer_cause cause)
{
	return causes[cause].name;
}

const char *authorizer_cause_advice(enum authorizer_cause cause)
{
	return causes[cause].advice;
}
