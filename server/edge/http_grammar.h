/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to the HTTP parser library: one complete header in, pieces out. http_parser.c does it
 * with http-parser (Debian 12); the Makefile chooses. It judges grammar only; what we admit is
 * decided in http.c.
 */
#pragma once

#include "server/edge/http.h"

struct http_line {
	struct http_span name, value;
};

struct http_head {
	enum request_method method;
	unsigned major, minor;
	struct http_span target;
	bool keep_alive;
	size_t lines_count;
	struct http_line lines[HTTP_HEADER_LINES_MAX];
};

/* data: from the request line to the empty line. 0; 400 malformed; 431 too many lines; 505 no
 * HTTP version. */
int http_grammar(const char *data, size_t len, struct http_head *ret) MUST_CHECK;
