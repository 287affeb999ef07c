/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See proxy.h. Addresses are read strictly: what isn't exactly the specified form is refused.
 */
#include "server/monitor/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"

#define V1_MAX_BYTES 107
#define V2_FIXED_BYTES 16

static const uint8_t v2_signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
					  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

static void set_v4(struct source_address *ret, const void *address)
{
	memset(ret->bytes, 0, sizeof(ret->bytes));
	ret->bytes[10] = ret->bytes[11] = 0xff;
	memcpy(ret->bytes + 12, address, 4);
}

static bool read_port(const char *text, uint16_t *ret)
{
	uint64_t value;

	if (text_u64(text, &value) < 0 || value > UINT16_MAX)
		return false;
	*ret = (uint16_t)value;
	return true;
}

/* "TCP4 192.0.2.1 192.0.2.2 1234 443", already without "PROXY " and CRLF. */
static int parse_v1_words(char *line, struct proxy_header *ret)
{
	char *words[5], *rest = line, *word;
	struct in6_addr v6;
	struct in_addr v4;
	uint16_t ignored;
	size_t count = 0;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (count == ARRAY_SIZE(words))
			return fail(-EPROTO, "the PROXY header has too many words");
		words[count++] = word;
	}
	if (count != ARRAY_SIZE(words) || !read_port(words[3], &ret->source.port) ||
	    !read_port(words[4], &ignored))
		return fail(-EPROTO, "the PROXY header lacks addresses or ports");
	if (strcmp(words[0], "TCP4") == 0 && inet_pton(AF_INET, words[1], &v4) == 1)
		set_v4(&ret->source, &v4);
	else if (strcmp(words[0], "TCP6") == 0 && inet_pton(AF_INET6, words[1], &v6) == 1)
		memcpy(ret->source.bytes, &v6, sizeof(ret->source.bytes));
	else
		return fail(-EPROTO, "the PROXY header's address is wrong");
	ret->has_source = true;
	return 0;
}

static int parse_v1(const uint8_t *data, size_t len, struct proxy_header *ret)
{
	static const char prefix[] = "PROXY ";
	size_t prefix_len = strlen(prefix);
	char line[V1_MAX_BYTES + 1];
	const uint8_t *end = memchr(data, '\n', MIN(len, V1_MAX_BYTES));
	size_t line_len;

	if (!end)
		return len >= V1_MAX_BYTES ? fail(-EPROTO, "the PROXY header is too long")
					   : PROXY_INCOMPLETE;
	line_len = (size_t)(end - data);
	if (line_len < prefix_len + 1 || data[line_len - 1] != '\r' || memchr(data, 0, line_len))
		return fail(-EPROTO, "the PROXY header has no proper end");
	ret->used_bytes = line_len + 1;
	line_len -= prefix_len + 1;
	memcpy(line, data + prefix_len, line_len);
	line[line_len] = 0;
	if (strncmp(line, "UNKNOWN", 7) == 0 && (line[7] == 0 || line[7] == ' '))
		return 0;
	return parse_v1_words(line, ret);
}

/* Command, family and lengths: section 2.2 of the specification. */
static int parse_v2(const uint8_t *data, size_t len, struct proxy_header *ret)
{
	const uint8_t *body = data + V2_FIXED_BYTES;
	size_t body_len;

	if (len < V2_FIXED_BYTES)
		return PROXY_INCOMPLETE;
	body_len = (size_t)data[14] << 8 | data[15];
	if ((data[12] & 0xf0) != 0x20 || (data[12] & 0x0f) > 1)
		return fail(-EPROTO, "the PROXY header has an unknown version or command");
	if (V2_FIXED_BYTES + body_len > PROXY_MAX_BYTES)
		return fail(-EPROTO, "the PROXY header is too long");
	if (len < V2_FIXED_BYTES + body_len)
		return PROXY_INCOMPLETE;
	ret->used_bytes = V2_FIXED_BYTES + body_len;
	if ((data[12] & 0x0f) == 0) /* LOCAL: a health check of the proxy itself */
		return 0;
	if (data[13] == 0x11 && body_len >= 12) {
		set_v4(&ret->source, body);
		ret->source.port = (uint16_t)(body[8] << 8 | body[9]);
	} else if (data[13] == 0x21 && body_len >= 36) {
		memcpy(ret->source.bytes, body, sizeof(ret->source.bytes));
		ret->source.port = (uint16_t)(body[32] << 8 | body[33]);
	} else {
		return fail(-EPROTO, "the PROXY header isn't about TCP over IPv4 or IPv6");
	}
	ret->has_source = true;
	return 0;
}

static bool begins_with(const uint8_t *data, size_t len, const void *what, size_t what_len)
{
	return memcmp(data, what, MIN(len, what_len)) == 0;
}

int proxy_parse(const uint8_t *data, size_t len, struct proxy_header *ret)
{
	struct proxy_header header = { .has_source = false };
	int r;

	if (len == 0)
		return PROXY_INCOMPLETE;
	if (begins_with(data, len, "PROXY ", 6))
		r = len < 6 ? PROXY_INCOMPLETE : parse_v1(data, len, &header);
	else if (begins_with(data, len, v2_signature, sizeof(v2_signature)))
		r = parse_v2(data, len, &header);
	else
		r = fail(-EPROTO, "the connection doesn't begin with a PROXY header");
	if (!r)
		*ret = header;
	return r;
}
