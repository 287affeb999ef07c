/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See jwk_request.h. Members we don't know are ignored, as RFC 7517 wants; private ones are
 * refused, since a client that sends them leaks a key. May not touch sockets or keep anything.
 */
#include "server/front/jwk_request.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "common/jwk.h"
#include "common/strbuf.h"

static const struct curve_row {
	const char *name;
	enum message_curve curve;
	size_t field_bytes;
} curves[] = {
	{ "P-256", MESSAGE_CURVE_P256, 32 },
	{ "P-521", MESSAGE_CURVE_P521, 66 },
};

/* RFC 7518, 6.2.2, 6.3.2 and 6.4.1: every member that holds private material. */
static const char *const private_members[] = { "d", "k", "p", "q", "dp", "dq", "qi", "oth" };

static bool text_is(const json_t *jwk, const char *name, const char *text)
{
	const json_t *value = json_object_get(jwk, name);

	return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* key_ops may be absent; when there, it must allow deriveKey. */
static bool may_derive(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops");
	const json_t *op;
	size_t i;
	bool derives = false;

	if (!ops)
		return true;
	if (!json_is_array(ops))
		return false;
	json_array_foreach (ops, i, op) {
		if (!json_is_string(op))
			return false;
		derives = derives || strcmp(json_string_value(op), "deriveKey") == 0;
	}
	return derives;
}

static int check_kind(const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use");

	for (size_t i = 0; i < ARRAY_SIZE(private_members); i++) {
		if (json_object_get(jwk, private_members[i]))
			return fail(-EINVAL, "the request carries a private key");
	}
	if (!text_is(jwk, "kty", "EC"))
		return fail(-EINVAL, "the request's kty isn't EC");
	if (json_object_get(jwk, "alg") && !text_is(jwk, "alg", "ECMR"))
		return fail(-EINVAL, "the request's alg isn't ECMR");
	if (!may_derive(jwk))
		return fail(-EINVAL, "the request's key_ops don't allow deriveKey");
	if (use && !text_is(jwk, "use", "enc"))
		return fail(-EINVAL, "the request's use isn't enc");
	return 0;
}

/* A coordinate of exactly the field's size (RFC 7518, 6.2.1.2). */
static int read_coordinate(const json_t *jwk, const char *name, size_t field_bytes,
			   uint8_t ret[static FIELD_BYTES_MAX])
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	const char *text;
	size_t len;
	int r;

	r = js_string(jwk, name, &text);
	if (r < 0)
		return r;
	if (strlen(text) != (field_bytes * 8 + 5) / 6)
		return fail(-EINVAL, "the request's %s isn't of the curve's size", name);
	r = b64url_decode(text, FIELD_BYTES_MAX, &bytes, &len);
	if (r < 0 || len != field_bytes)
		return fail(-EINVAL, "the request's %s isn't base64url", name);
	memset(ret, 0, FIELD_BYTES_MAX);
	memcpy(ret + FIELD_BYTES_MAX - field_bytes, bytes, field_bytes);
	return 0;
}

int jwk_request_parse(const uint8_t *data, size_t len, struct jwk_request *ret)
{
	CLEANUP_JSON json_t *jwk = NULL;
	struct jwk_request request;
	int r;

	r = js_parse((const char *)data, len, JWK_REQUEST_MAX_BYTES, &jwk);
	if (r < 0)
		return fail(-EINVAL, "the request isn't one JSON object");
	if (!json_is_object(jwk))
		return fail(-EINVAL, "the request isn't a JSON object");
	r = check_kind(jwk);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		if (!text_is(jwk, "crv", curves[i].name))
			continue;
		request.curve = curves[i].curve;
		r = read_coordinate(jwk, "x", curves[i].field_bytes, request.x);
		if (!r)
			r = read_coordinate(jwk, "y", curves[i].field_bytes, request.y);
		if (r < 0)
			return r;
		*ret = request;
		return 0;
	}
	return fail(-EINVAL, "the request's curve isn't one of ours");
}

int jwk_reply_print(const struct message_exchanged *exchanged, char **ret)
{
	CLEANUP_FREE char *x = NULL;
	CLEANUP_FREE char *y = NULL;
	const struct curve_row *row = NULL;
	size_t skip;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		if (curves[i].curve == exchanged->curve)
			row = &curves[i];
	}
	if (!row)
		return fail(-EPROTO, "core answered with an unknown curve");
	skip = FIELD_BYTES_MAX - row->field_bytes;
	r = b64url_encode(exchanged->x + skip, row->field_bytes, &x);
	if (!r)
		r = b64url_encode(exchanged->y + skip, row->field_bytes, &y);
	if (r < 0)
		return r;
	return text_format(ret,
			   "{\"alg\":\"ECMR\",\"crv\":\"%s\",\"key_ops\":[\"deriveKey\"],"
			   "\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
			   row->name, x, y);
}
