/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /v1/enroll: checks shapes and asks core, which knows the key. The key's text is never
 * repeated, logged or kept here.
 */
#include <errno.h>
#include <string.h>

#include "common/enrollment_key.h"
#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"

static int read_hex(const json_t *body, const char *name, uint8_t *ret, size_t len)
{
	const char *text;
	int r;

	r = js_string(body, name, &text);
	if (r < 0)
		return r;
	if (strlen(text) != 2 * len || text_unhex(ret, len, text) < 0)
		return fail(-EINVAL, "member \"%s\" must be %zu hex digits", name, 2 * len);
	return 0;
}

/* What the machine says of its platform, with the bootstrapper's version beside it. */
static int read_platform(const json_t *body, char *ret, size_t size)
{
	CLEANUP_JSON json_t *copy = NULL;
	CLEANUP_FREE char *text = NULL;
	const char *version;
	json_t *platform;
	int r;

	r = body_text(body, "version", 64, &version);
	if (!r)
		r = js_object(body, "platform", &platform);
	if (r < 0)
		return r;
	copy = json_copy(platform);
	if (!copy || json_object_set_new(copy, "bootstrapper", json_string(version)))
		return fail(-ENOMEM, "out of memory");
	r = js_print(copy, &text);
	if (r < 0)
		return r;
	if (strlen(text) >= size)
		return fail(-EINVAL, "member \"platform\" is too long");
	strcpy(ret, text);
	return 0;
}

static int read_question(const json_t *body, struct message_redeem *ret)
{
	struct enrollment_key key;
	const char *text;
	int r;

	r = js_string(body, "key", &text);
	if (!r && enrollment_key_parse(text, &key) < 0)
		r = fail(-EINVAL, "member \"key\" must look like XXXX-XXXXX-XXX");
	if (r < 0)
		return r;
	memcpy(ret->key, key.chars, sizeof(ret->key));
	secret_wipe(&key, sizeof(key));
	r = read_hex(body, "nonce", ret->nonce, sizeof(ret->nonce));
	if (!r)
		r = read_hex(body, "fingerprint", ret->fingerprint, sizeof(ret->fingerprint));
	if (!r)
		r = body_text(body, "hostname", sizeof(ret->hostname) - 1, &text);
	if (r < 0)
		return r;
	strcpy(ret->hostname, text);
	return read_platform(body, ret->platform, sizeof(ret->platform));
}

_Static_assert(sizeof(((struct message_redeem *)0)->key) ==
		       sizeof(((struct enrollment_key *)0)->chars),
	       "an enrollment key fits into its message");

void route_enroll(struct call *call)
{
	union message question;

	message_start(&question, MESSAGE_REDEEM, 0, 0);
	if (read_question(call->body, &question.redeem) < 0)
		answer_invalid(call->connection);
	else if (!connection_ask(call->connection, &question))
		problem_answer(call->connection, "unavailable", "%s", "");
	secret_wipe(&question, sizeof(question));
}

void route_enroll_answered(struct connection *connection, const struct message_redeemed *answer)
{
	const struct admin *admin = connection_context(connection);
	CLEANUP_FREE char *url = NULL;
	char device[2 * DEVICE_ID_BYTES + 1];

	if (answer->status != 200 && answer->status != 201) {
		problem_answer(connection,
			       problem_is_known(answer->code)
				       ? answer->code
				       : problem_of_status((int)answer->status),
			       "%s", "");
		return;
	}
	if (device_url(admin, answer->device, &url) < 0) {
		problem_answer(connection, "internal", "Out of memory.");
		return;
	}
	text_hex(device, answer->device, DEVICE_ID_BYTES);
	answer_json(connection, (int)answer->status,
		    json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "device", device, "url", url,
			      "thumbprint", answer->thumbprint, "report_token",
			      answer->report_token, "converting_until",
			      (json_int_t)answer->converting_until_s, "tags",
			      json_of_text(answer->tags), "organization", answer->organization));
}
