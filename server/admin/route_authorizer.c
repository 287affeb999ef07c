/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The organization's external authorizer: set, show, remove, and try it. Who it is, core and the
 * courier take from the store; here is what people may write there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/jwk.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"

#define KEY_MAX_BYTES 4096

/* Coordinates of each curve have exactly so many bytes. */
static const struct {
	const char *name;
	size_t bytes;
} curves[] = { { "P-256", 32 }, { "P-384", 48 }, { "P-521", 66 } };

/* --- what is set ----------------------------------------------------------------------------- */

/* https://host[:port][/path]: what libcurl makes of the rest is the courier's. */
static int read_url(const json_t *body, struct store_authorizer *ret)
{
	static const char scheme[] = "https://";
	const char *text;
	int r = js_string(body, "url", &text);

	if (r < 0)
		return r;
	if (strncmp(text, scheme, strlen(scheme)) != 0 || strchr("/:?", text[strlen(scheme)]))
		return fail(-EINVAL, "member \"url\" must be like https://host/path");
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("@#\"\\<>", *c))
			return fail(-EINVAL, "member \"url\" has a character that no such URL has");
	return js_copy(body, "url", ret->url, sizeof(ret->url));
}

static int read_ca(const json_t *body, struct store_authorizer *ret)
{
	const char *text;
	int r = js_string_or(body, "ca", "", &text);

	if (r < 0 || !*text)
		return r;
	if (strlen(text) >= sizeof(ret->ca))
		return fail(-EINVAL,
			    "member \"ca\" is longer than %zu bytes: one certificate is "
			    "enough",
			    sizeof(ret->ca) - 1);
	if (!strstr(text, "-----BEGIN CERTIFICATE-----") || strstr(text, "PRIVATE"))
		return fail(-EINVAL, "member \"ca\" must be a certificate in PEM");
	for (const char *c = text; *c; c++)
		if ((*c < ' ' && !strchr("\r\n\t", *c)) || *c > '~')
			return fail(-EINVAL, "member \"ca\" must be a certificate in PEM");
	strcpy(ret->ca, text);
	return 0;
}

/* Exactly so many bytes, so that it is one number in one form. */
static int read_coordinate(const json_t *key, const char *name, size_t bytes, char *ret)
{
	CLEANUP_FREE uint8_t *number = NULL;
	CLEANUP_FREE char *again = NULL;
	const char *text;
	size_t len = 0;
	int r = js_string(key, name, &text);

	if (r == 0)
		r = b64url_decode(text, bytes, &number, &len);
	if (r == 0)
		r = b64url_encode(number, len, &again);
	if (r < 0 || len != bytes || strcmp(again, text) != 0)
		return fail(-EINVAL, "member \"key\": its \"%s\" must be %zu bytes in base64url",
			    name, bytes);
	snprintf(ret, AUTHORIZER_COORDINATE_SIZE, "%s", text);
	return 0;
}

static int read_key(const json_t *body, struct store_authorizer *ret)
{
	json_t *key;
	const char *type, *curve;
	int r = js_object(body, "key", &key);

	if (r == 0)
		r = js_string(key, "kty", &type);
	if (r < 0)
		return fail_at(r, "member \"key\"");
	if (json_object_get(key, "d") || json_object_get(key, "k"))
		return fail(-EINVAL, "member \"key\" is a private key, which is for the authorizer "
				     "alone: make another one, and give its public half");
	r = js_string_or(key, "crv", "", &curve);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(curves); i++) {
		if (strcmp(type, "EC") != 0 || strcmp(curve, curves[i].name) != 0)
			continue;
		strcpy(ret->curve, curve);
		r = read_coordinate(key, "x", curves[i].bytes, ret->x);
		return r < 0 ? r : read_coordinate(key, "y", curves[i].bytes, ret->y);
	}
	return fail(-EINVAL, "member \"key\" must be an EC key of P-256, P-384 or P-521, as JWK");
}

static json_t *json_of_key(const struct store_authorizer *authorizer)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", authorizer->curve, "x",
			 authorizer->x, "y", authorizer->y);
}

/* For the audit: who is asked, and by which key it answers. */
static int describe(const struct store_authorizer *authorizer, char **ret)
{
	CLEANUP_JSON json_t *key = json_of_key(authorizer);
	char thumbprint[JWK_THUMBPRINT_SIZE];
	int r = key ? jwk_thumbprint(key, thumbprint) : fail(-ENOMEM, "out of memory");

	return r < 0 ? r
		     : text_format(ret, "%s, key %s%s", authorizer->url, thumbprint,
				   authorizer->ca[0] ? ", a CA of its own" : "");
}

void route_authorizer_set(struct call *call)
{
	static const char *const names[] = { "url", "key", "ca", NULL };
	struct store_authorizer authorizer = { .url = "" };
	CLEANUP_FREE char *detail = NULL;
	int r = body_only(call->body, names);

	if (r == 0)
		r = read_url(call->body, &authorizer);
	if (r == 0)
		r = read_ca(call->body, &authorizer);
	if (r == 0)
		r = read_key(call->body, &authorizer);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = describe(&authorizer, &detail);
	if (r == 0)
		r = store_authorizer_set(call->admin->store, &call->by, &authorizer, detail);
	if (r < 0)
		answer_failure(call->connection, r);
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, SUBJECT_AUTHORIZER);
	else
		route_authorizer_show(call);
}

void route_authorizer_remove(struct call *call)
{
	int r = store_authorizer_remove(call->admin->store, &call->by);

	if (r < 0)
		answer_failure(call->connection, r);
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, SUBJECT_AUTHORIZER);
	else if (r == STORE_NOT_FOUND)
		problem_answer(call->connection, "not-found", "There is no authorizer.");
	else
		route_authorizer_show(call);
}

/* --- what is shown --------------------------------------------------------------------------- */

static json_t *json_of_authorizer(const struct store_authorizer *authorizer)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:I}", "url", authorizer->url, "key",
			 json_of_key(authorizer), "ca", authorizer->ca, "created_by",
			 authorizer->created_by, "created", (json_int_t)authorizer->created_s);
}

void route_authorizer_show(struct call *call)
{
	struct store_authorizer authorizer;
	char path[CONFIG_PATH_SIZE];
	json_t *signed_by = NULL;
	int r = store_authorizer(call->admin->store, call->user.organization, &authorizer);

	config_path(call->admin->config->dir, CONFIG_FILE_AUDIT_PUBLIC, path);
	if (r >= 0 && js_read_file(path, KEY_MAX_BYTES, &signed_by) < 0)
		r = -EIO;
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200,
			    json_pack("{s:o, s:o}", "authorizer",
				      r == STORE_NOT_FOUND ? json_null()
							   : json_of_authorizer(&authorizer),
				      "signed_by", signed_by));
}

/* --- trying it ------------------------------------------------------------------------------- */

/* It is told to somebody outside, so it leaves a row. */
static int note_test(struct call *call)
{
	char source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = { .event = "authorizer-tested",
					   .source = source,
					   .actor = call->user.name };

	source_print(connection_source(call->connection), source);
	return store_audit_note(call->admin->store, call->user.organization, &entry);
}

void route_authorizer_test(struct call *call)
{
	union message question;
	int r = note_test(call);

	if (r < 0) {
		answer_failure(call->connection, r);
		return;
	}
	message_start(&question, MESSAGE_CONSULT, 0, 0);
	memcpy(question.consult.organization, call->user.organization,
	       sizeof(question.consult.organization));
	if (!connection_ask(call->connection, &question))
		problem_answer(call->connection, "unavailable", "%s", "");
}

void route_authorizer_tested(struct connection *connection, const struct message_consulted *answer)
{
	enum authorizer_cause cause = (enum authorizer_cause)answer->cause;

	if (answer->status != 200) {
		problem_answer(connection, problem_of_status((int)answer->status), "%s",
			       answer->status == 404 ? "There is no authorizer." : "");
		return;
	}
	answer_json(connection, 200,
		    json_pack("{s:b, s:s, s:s, s:I}", "works",
			      cause == AUTHORIZER_SAID_ALLOW || cause == AUTHORIZER_SAID_DENY,
			      "outcome", authorizer_cause_name(cause), "advice",
			      authorizer_cause_advice(cause), "took_ms",
			      (json_int_t)answer->took_ms));
}
