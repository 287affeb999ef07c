/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_grammar() by http-parser 2.9.4. The callbacks only note where things are; the library
 * keeps no state behind the call.
 */
#include <http_parser.h>

#include "server/edge/http_grammar.h"

static void span_grow(struct http_span *span, const char *at, size_t len)
{
	if (!span->data)
		span->data = at;
	span->len = (size_t)(at + len - span->data);
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	span_grow(&head->target, at, len);
	return 0;
}

/* A name behind a value begins the next line. The value callback comes for empty values too. */
static int on_name(http_parser *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	if (head->lines_count == 0 || head->lines[head->lines_count - 1].value.data) {
		if (head->lines_count == HTTP_HEADER_LINES_MAX)
			return 1;
		head->lines_count++;
	}
	span_grow(&head->lines[head->lines_count - 1].name, at, len);
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct http_head *head = parser->data;

	if (head->lines_count == 0)
		return 1;
	span_grow(&head->lines[head->lines_count - 1].value, at, len);
	return 0;
}

static int on_header_done(http_parser *parser)
{
	struct http_head *head = parser->data;

	head->keep_alive = http_should_keep_alive(parser);
	head->method = parser->method == HTTP_GET    ? METHOD_GET
		       : parser->method == HTTP_POST ? METHOD_POST
						     : METHOD_OTHER;
	head->major = parser->http_major;
	head->minor = parser->http_minor;
	return 1; /* the body isn't the library's business */
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_header_done,
};

int http_grammar(const char *data, size_t len, struct http_head *ret)
{
	struct http_head head = { .major = 0 };
	http_parser parser;

	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &head;
	http_parser_execute(&parser, &settings, data, len);
	switch (HTTP_PARSER_ERRNO(&parser)) {
	case HPE_INVALID_VERSION: return 505;
	case HPE_CB_header_field: return 431;
	default: break;
	}
	if (head.major == 0 || !head.target.data)
		return 400;
	*ret = head;
	return 0;
}
