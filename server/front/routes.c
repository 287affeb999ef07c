/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See routes.h. The table is the authority for the unlock listener's paths.
 */
#include "server/front/routes.h"

#include <string.h>

#include "common/strbuf.h"

enum thumbprint_rule { THUMBPRINT_NONE, THUMBPRINT_OPTIONAL, THUMBPRINT_REQUIRED };

static const struct front_row {
	enum front_route route;
	enum request_method method;
	const char *word; /* "/word", or "/d/<device>/word[/thumbprint]" */
	bool per_device;
	enum thumbprint_rule thumbprint;
} rows[] = {
	{ FRONT_HEALTH, METHOD_GET, "healthz", false, THUMBPRINT_NONE },
	{ FRONT_ADVERTISE, METHOD_GET, "adv", true, THUMBPRINT_OPTIONAL },
	{ FRONT_RECOVER, METHOD_POST, "rec", true, THUMBPRINT_REQUIRED },
};

/* Cuts the leading slashes and the word behind them off the path. False: no slash leads. */
static bool next_word(struct http_span *path, struct http_span *ret)
{
	if (path->len == 0 || path->data[0] != '/')
		return false;
	while (path->len > 0 && path->data[0] == '/') {
		path->data++;
		path->len--;
	}
	ret->data = path->data;
	for (ret->len = 0; ret->len < path->len && path->data[ret->len] != '/'; ret->len++)
		;
	path->data += ret->len;
	path->len -= ret->len;
	return true;
}

static bool read_device(struct http_span word, uint8_t ret[static DEVICE_ID_BYTES])
{
	char hex[2 * DEVICE_ID_BYTES + 1];

	if (word.len != sizeof(hex) - 1)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (!memchr("0123456789abcdef", word.data[i], 16))
			return false;
	}
	memcpy(hex, word.data, word.len);
	hex[word.len] = 0;
	return text_unhex(ret, DEVICE_ID_BYTES, hex) == 0;
}

/* tang's alphabet; other characters make it another path. */
static bool read_thumbprint(struct http_span word, char ret[static THUMBPRINT_CHARS + 1])
{
	for (size_t i = 0; i < word.len; i++) {
		char c = word.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '-' || c == '_'))
			return false;
	}
	if (word.len == THUMBPRINT_CHARS) {
		memcpy(ret, word.data, word.len);
		ret[word.len] = 0;
	} else {
		strcpy(ret, word.len > 0 ? "?" : "");
	}
	return true;
}

/* The rest behind the word: "", "/" or "/<thumbprint>". */
static bool read_rest(struct http_span rest, enum thumbprint_rule rule, struct front_target *ret)
{
	struct http_span word = { NULL, 0 };

	ret->thumbprint[0] = 0;
	if (rest.len == 0)
		return rule != THUMBPRINT_REQUIRED;
	if (rule == THUMBPRINT_NONE || !next_word(&rest, &word) || rest.len > 0)
		return false;
	if (word.len == 0 && rule == THUMBPRINT_REQUIRED)
		return false;
	return read_thumbprint(word, ret->thumbprint);
}

static bool row_matches(const struct front_row *row, struct http_span path,
			struct front_target *ret)
{
	struct http_span word;

	if (row->per_device) {
		if (!next_word(&path, &word) || !http_span_is(word, "d") ||
		    !next_word(&path, &word) || !read_device(word, ret->device))
			return false;
	}
	return next_word(&path, &word) && http_span_is(word, row->word) &&
	       read_rest(path, row->thumbprint, ret);
}

int front_route(const struct request *request, struct front_target *ret)
{
	struct front_target target = { .route = FRONT_ROUTE_COUNT };

	if (request->has_query) /* part of the path for tang, hence another path */
		return 404;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!row_matches(&rows[i], request->path, &target))
			continue;
		if (rows[i].method != request->method)
			return 405;
		target.route = rows[i].route;
		*ret = target;
		return 0;
	}
	return 404;
}
