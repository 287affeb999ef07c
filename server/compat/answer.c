/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See answer.h.
 */
#include "server/compat/answer.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/compat/keydir.h"
#include "server/front/jwk_request.h"

static const struct compat_row {
	enum compat_route route;
	enum request_method method;
	const char *word;
	bool needs_thumbprint;
} rows[] = {
	{ COMPAT_ADVERTISE, METHOD_GET, "adv", false },
	{ COMPAT_RECOVER, METHOD_POST, "rec", true },
};

/* False: no slash leads, or not this word. */
static bool skip_word(struct http_span *path, const char *word)
{
	if (!http_span_skip(path, "/"))
		return false;
	while (http_span_skip(path, "/"))
		;
	return http_span_skip(path, word);
}

static bool skip_endpoint(struct http_span *path, const char *endpoint)
{
	return !endpoint[0] || (skip_word(path, endpoint) && path->len > 0 && path->data[0] == '/');
}

/* The rest behind the word: "", slashes, or slashes and a thumbprint. */
static bool read_rest(struct http_span rest, bool needs_thumbprint, char *ret)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz_-";

	ret[0] = 0;
	if (rest.len > 0 && rest.data[0] != '/')
		return false;
	while (http_span_skip(&rest, "/"))
		;
	for (size_t i = 0; i < rest.len; i++) {
		if (!memchr(alphabet, rest.data[i], sizeof(alphabet) - 1))
			return false;
	}
	if (rest.len > COMPAT_THUMBPRINT_CHARS) {
		strcpy(ret, "?");
	} else {
		memcpy(ret, rest.data, rest.len);
		ret[rest.len] = 0;
	}
	return rest.len > 0 || !needs_thumbprint;
}

int compat_route(const char *endpoint, const struct request *request, struct compat_target *ret)
{
	struct compat_target target;

	if (request->has_query)
		return 404;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_span path = request->path;

		if (!skip_endpoint(&path, endpoint) || !skip_word(&path, rows[i].word) ||
		    !read_rest(path, rows[i].needs_thumbprint, target.thumbprint))
			continue;
		if (rows[i].method != request->method)
			return 405;
		target.route = rows[i].route;
		*ret = target;
		return 0;
	}
	return 404;
}

static int advertise(const struct compat *compat, const struct compat_target *target,
		     const struct request *request, char **ret)
{
	CLEANUP(keydir_closep) struct keydir *keydir = NULL;
	int r;

	(void)request;
	r = keydir_open(compat->dir, &keydir);
	if (r == 0)
		r = keydir_advertise(keydir, target->thumbprint, ret);
	return r == KEYDIR_NOT_FOUND ? 404 : r;
}

static int multiply(const struct compat *compat, const struct secret *key,
		    const struct jwk_request *jwk, char **ret)
{
	struct message_exchanged product = { .curve = MESSAGE_CURVE_P521 };
	struct exchange_point point;
	int r;

	if (jwk->curve != MESSAGE_CURVE_P521)
		return 400;
	memcpy(point.x, jwk->x, P521_BYTES);
	memcpy(point.y, jwk->y, P521_BYTES);
	r = exchange_check(compat->exchange, &point);
	if (r != 0)
		return r == EXCHANGE_BAD_POINT ? 400 : r;
	r = exchange_multiply(compat->exchange, key->data, &point, &point);
	if (r < 0)
		return r;
	memcpy(product.x, point.x, P521_BYTES);
	memcpy(product.y, point.y, P521_BYTES);
	return jwk_reply_print(&product, ret);
}

static int recover(const struct compat *compat, const struct compat_target *target,
		   const struct request *request, char **ret)
{
	CLEANUP(keydir_closep) struct keydir *keydir = NULL;
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	struct jwk_request jwk;
	int r;

	/* The body is judged before the key is looked up. */
	if (jwk_request_parse((const uint8_t *)request->body.data, request->body.len, &jwk) < 0)
		return 400;
	r = keydir_open(compat->dir, &keydir);
	if (r == 0)
		r = keydir_exchange_key(keydir, target->thumbprint, &key);
	switch (r) {
	case 0: return multiply(compat, &key, &jwk, ret);
	case KEYDIR_NOT_FOUND: return 404;
	case KEYDIR_OTHER_USE: return 403;
	default: return r;
	}
}

static const struct handler {
	/* 0 with a body, a status, or negative with a sentence. */
	int (*handle)(const struct compat *, const struct compat_target *, const struct request *,
		      char **);
	const char *content_type;
} handlers[COMPAT_ROUTE_COUNT] = {
	[COMPAT_ADVERTISE] = { advertise, "application/jose+json" },
	[COMPAT_RECOVER] = { recover, "application/jwk+json" },
};

void compat_answer(const struct compat *compat, const struct request *request, struct answer *ret,
		   char **ret_body)
{
	struct compat_target target;
	char *body = NULL;
	int r = compat_route(compat->endpoint, request, &target);

	if (r == 0)
		r = handlers[target.route].handle(compat, &target, request, &body);
	if (r < 0) {
		log_failure(r);
		r = 500;
	}
	*ret = (struct answer){ .status = r ? r : 200, .close = r != 0 || !request->keep_alive };
	if (r == 0) {
		ret->content_type = handlers[target.route].content_type;
		ret->body = body;
		ret->len = strlen(body);
	}
	*ret_body = body;
}
