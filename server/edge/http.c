/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See http.h. Two passes over a complete header: admission (line ends, control bytes, folding,
 * names), then a parser library for the grammar (http_grammar.h), and our rules about what it
 * said. May not allocate while parsing, nor look at a clock.
 */
#include "server/edge/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "server/edge/http_grammar.h"

bool http_span_is(struct http_span span, const char *text)
{
	return span.data && span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

bool http_span_skip(struct http_span *span, const char *text)
{
	size_t len = strlen(text);

	if (!span->data || span->len < len || memcmp(span->data, text, len) != 0)
		return false;
	span->data += len;
	span->len -= len;
	return true;
}

static bool name_is(struct http_span name, const char *text)
{
	return name.len == strlen(text) && strncasecmp(name.data, text, name.len) == 0;
}

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* " HTTP/1.1": the library, as Debian builds it, looks at the digits only. */
static bool ends_in_version(const uint8_t *line, size_t len)
{
	static const char name[] = " HTTP/";
	const uint8_t *at = line + len - 9;

	return len > 9 && memcmp(at, name, 6) == 0 && at[6] >= '0' && at[6] <= '9' &&
	       at[7] == '.' && at[8] >= '0' && at[8] <= '9';
}

/*
 * Admission of one line (without its CRLF): visible ASCII, obs-text and, inside, spaces and tabs;
 * a header line begins with a name and a colon right behind it. So no folding, no empty name, no
 * space before the colon, no NUL.
 */
static bool line_is_admitted(const uint8_t *line, size_t len, bool first)
{
	size_t name = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == 0x7f || (first && line[i] > 0x7f) ||
		    (line[i] < 0x20 && (first || line[i] != '\t')))
			return false;
	}
	if (first)
		return ends_in_version(line, len);
	while (name < len && is_token(line[name]))
		name++;
	return name > 0 && name < len && line[name] == ':';
}

/*
 * Finds the end of the header and judges each complete line on the way, so that rubbish is
 * refused at once and not after the deadline. 0 with *ret_len (the header with its empty line);
 * HTTP_INCOMPLETE; or a status.
 */
static int admit_header(const uint8_t *data, size_t len, size_t *ret_len)
{
	size_t most = MIN(len, HTTP_HEADER_MAX_BYTES);
	size_t at = 0;

	for (unsigned lines = 0; at < most; lines++) {
		const uint8_t *end = memchr(data + at, '\n', most - at);
		size_t line_len;

		if (!end) /* an unfinished line: control bytes can be seen already */
			break;
		line_len = (size_t)(end - (data + at));
		if (line_len == 0 || data[at + line_len - 1] != '\r')
			return 400;
		line_len--;
		if (line_len == 0 && lines > 0) {
			*ret_len = at + 2;
			return 0;
		}
		if (!line_is_admitted(data + at, line_len, lines == 0))
			return 400;
		if (lines > HTTP_HEADER_LINES_MAX)
			return 431;
		at += line_len + 2;
	}
	for (size_t i = at; i < most; i++) {
		bool ends = data[i] == '\r' && i + 1 == most;

		if ((data[i] < 0x20 && data[i] != '\t' && !ends) || data[i] == 0x7f)
			return 400;
	}
	return len >= HTTP_HEADER_MAX_BYTES ? 431 : HTTP_INCOMPLETE;
}

/* Digits only, no sign, no space, at most 9 of them. */
static bool read_length(struct http_span text, size_t *ret)
{
	size_t value = 0;

	if (text.len == 0 || text.len > 9)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (size_t)(text.data[i] - '0');
	}
	*ret = value;
	return true;
}

/* What our rules care about, of all header lines. */
struct counted {
	struct http_span length, authorization;
	unsigned hosts, lengths, authorizations;
};

/* 0 or a status. */
static int count_lines(const struct http_head *head, struct counted *ret)
{
	for (size_t i = 0; i < head->lines_count; i++) {
		struct http_span name = head->lines[i].name, value = head->lines[i].value;

		if (name_is(name, "Host")) {
			ret->hosts++;
		} else if (name_is(name, "Content-Length")) {
			ret->lengths++;
			ret->length = value;
		} else if (name_is(name, "Authorization")) {
			ret->authorizations++;
			ret->authorization = value;
		} else if (name_is(name, "Transfer-Encoding")) {
			return 400;
		} else if (name_is(name, "Expect")) {
			return 417;
		}
	}
	return ret->lengths > 1 || ret->authorizations > 1 ? 400 : 0;
}

/* The rules about what a complete header says. 0 or a status. */
static int judge(const struct http_head *head, struct request *ret, size_t *ret_body_len)
{
	bool is_1_1 = head->major == 1 && head->minor == 1;
	struct counted counted = { 0 };
	int r;

	if (!is_1_1 && !(head->major == 1 && head->minor == 0))
		return 505;
	r = count_lines(head, &counted);
	if (r)
		return r;
	if (counted.hosts > 1 || (is_1_1 && counted.hosts != 1))
		return 400;
	if (head->target.len == 0 || head->target.data[0] != '/')
		return 400;
	*ret_body_len = 0;
	if (counted.lengths == 1 && !read_length(counted.length, ret_body_len))
		return 400;
	if (head->method == METHOD_POST && counted.lengths == 0)
		return 400;
	if (head->method != METHOD_POST && *ret_body_len > 0)
		return head->method == METHOD_GET ? 400 : 405;
	ret->method = head->method;
	ret->authorization = counted.authorization;
	ret->keep_alive = head->keep_alive;
	return 0;
}

static void split_target(struct http_span target, struct request *ret)
{
	const char *mark = memchr(target.data, '?', target.len);

	ret->path = target;
	if (!mark)
		return;
	ret->has_query = true;
	ret->path.len = (size_t)(mark - target.data);
	ret->query.data = mark + 1;
	ret->query.len = target.len - ret->path.len - 1;
}

int http_parse(const uint8_t *data, size_t len, size_t body_max_bytes, struct request *ret,
	       size_t *ret_used)
{
	struct request request = { 0 };
	struct http_head head = { 0 };
	size_t header_len, body_len;
	int r;

	r = admit_header(data, len, &header_len);
	if (r)
		return r;
	r = http_grammar((const char *)data, header_len, &head);
	if (r)
		return r;
	r = judge(&head, &request, &body_len);
	if (r)
		return r;
	if (body_len > body_max_bytes)
		return 413;
	if (len - header_len < body_len)
		return HTTP_INCOMPLETE;
	split_target(head.target, &request);
	request.body.data = (const char *)data + header_len;
	request.body.len = body_len;
	*ret = request;
	*ret_used = header_len + body_len;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool unescape(const char *text, size_t len, char *ret, size_t size)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (out + 1 >= size)
			return false;
		ret[out++] = c;
	}
	ret[out] = 0;
	return true;
}

bool http_query_value(struct http_span query, const char *name, char *ret, size_t size)
{
	size_t name_len = strlen(name);

	while (query.data && query.len > 0) {
		const char *amp = memchr(query.data, '&', query.len);
		size_t len = amp ? (size_t)(amp - query.data) : query.len;

		if (len > name_len && query.data[name_len] == '=' &&
		    memcmp(query.data, name, name_len) == 0)
			return unescape(query.data + name_len + 1, len - name_len - 1, ret, size);
		query.data += amp ? len + 1 : len;
		query.len -= amp ? len + 1 : len;
	}
	return false;
}

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 417, "Expectation Failed" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "";
}

int http_print(const struct answer *answer, char **ret, size_t *ret_len)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_EMPTY;
	size_t len;
	int r;

	strbuf_addf(&out, "HTTP/1.1 %d %s\r\n", answer->status, http_reason(answer->status));
	if (answer->content_type)
		strbuf_addf(&out, "Content-Type: %s\r\n", answer->content_type);
	if (answer->extra)
		strbuf_add(&out, answer->extra);
	if (answer->status != 204) /* RFC 9110, 8.6: not with 204 */
		strbuf_addf(&out, "Content-Length: %zu\r\n", answer->len);
	if (answer->close)
		strbuf_add(&out, "Connection: close\r\n");
	strbuf_add(&out, "\r\n");
	if (answer->len > 0)
		strbuf_addn(&out, answer->body, answer->len);
	len = out.len;
	r = strbuf_take(&out, ret);
	if (r < 0)
		return r;
	*ret_len = len;
	return 0;
}
