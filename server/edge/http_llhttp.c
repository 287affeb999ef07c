/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_grammar() by llhttp (Debian 13). The callbacks only note where things are; the library keeps
 * no state behind the call, and its lenient modes stay off.
 */
#include <llhttp.h>

#include "server/edge/http_grammar.h"

static void span_grow(struct http_span *span, const char *at, size_t len)
{
	if (!span->data)
		span->data = at;
	span->len = (size_t)(at + len - span->data);
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	span_grow(&head->target, at, len);
	return 0;
}

/* A name behind a value begins the next line. The value callback comes for empty values too. */
static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	if (head->lines_count == 0 || head->lines[head->lines_count - 1].value.data) {
		if (head->lines_count == HTTP_HEADER_LINES_MAX)
			return HPE_USER;
		head->lines_count++;
	}
	span_grow(&head->lines[head->lines_count - 1].name, at, len);
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	if (head->lines_count == 0)
		return HPE_USER;
	span_grow(&head->lines[head->lines_count - 1].value, at, len);
	return 0;
}

static int on_header_done(llhttp_t *parser)
{
	struct http_head *head = parser->data;

	head->keep_alive = llhttp_should_keep_alive(parser);
	head->method = parser->method == HTTP_GET    ? METHOD_GET
		       : parser->method == HTTP_POST ? METHOD_POST
						     : METHOD_OTHER;
	head->major = parser->http_major;
	head->minor = parser->http_minor;
	return 1; /* the body isn't the library's business */
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_header_done,
};

int http_grammar(const char *data, size_t len, struct http_head *ret)
{
	struct http_head head = { .major = 0 };
	llhttp_t parser;

	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = &head;
	llhttp_execute(&parser, data, len);
	switch (llhttp_get_errno(&parser)) {
	case HPE_INVALID_VERSION: return 505;
	case HPE_USER: return 431;
	default: break;
	}
	if (head.major == 0 || !head.target.data)
		return 400;
	*ret = head;
	return 0;
}
