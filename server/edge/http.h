/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.x bytes to a request, and an answer to bytes: pure functions, no socket, no clock
 * (fuzzed). The grammar is http-parser's; what that one lets through and we don't is refused here
 * (docs/protocol.md, "Admission").
 */
#pragma once

#include "common/base.h"

#define HTTP_HEADER_MAX_BYTES (8 * KIB)
#define HTTP_HEADER_LINES_MAX 64

enum request_method { METHOD_GET, METHOD_POST, METHOD_OTHER };

/* A piece of the input; not terminated. data is NULL when the header is absent. */
struct http_span {
	const char *data;
	size_t len;
};

struct request {
	enum request_method method;
	struct http_span path;	/* as sent: never percent-decoded */
	struct http_span query; /* behind '?', without it; data NULL: none */
	struct http_span authorization;
	struct http_span body;
	bool has_query;
	bool keep_alive; /* what the client wants; answers with an error close all the same */
};

/* Outcomes besides 0. Any HTTP status (400, 405, …): refused; answer with it and close. */
enum { HTTP_INCOMPLETE = 1 };

/* Reads one request from the start of data. 0: *ret points into data, *ret_used is where the next
 * one begins. HTTP_INCOMPLETE: more bytes are needed. 400: malformed; 413: the body is above
 * body_max_bytes; 417: Expect; 431: the header is above HTTP_HEADER_MAX_BYTES or has too many
 * lines; 505: neither 1.0 nor 1.1. Never negative. */
int http_parse(const uint8_t *data, size_t len, size_t body_max_bytes, struct request *ret,
	       size_t *ret_used) MUST_CHECK;

bool http_span_is(struct http_span span, const char *text);

/* If span begins with text, cuts it off and says so. */
bool http_span_skip(struct http_span *span, const char *text);

/* One value of a query string ("a=1&b=2"): copies the %-decoded value of name into ret. False:
 * absent, too long, or bad escapes. */
bool http_query_value(struct http_span query, const char *name, char *ret, size_t size);

struct answer {
	int status;
	const char *content_type; /* NULL: none */
	const char *extra;	  /* more header lines, each with CRLF; NULL: none */
	const void *body;	  /* may be NULL when len is 0 */
	size_t len;
	bool close; /* say Connection: close */
};

/* The whole answer, header and body, as one malloc'd buffer. */
int http_print(const struct answer *answer, char **ret, size_t *ret_len) MUST_CHECK;

/* The reason phrase; "" for statuses that this server doesn't send. */
const char *http_reason(int status);
