/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address ranges: reading, printing, matching. Pure functions over short texts; the texts come from
 * people through admin, so nothing is assumed of them (tests/fuzz/fuzz_cidr.c).
 */
#include "server/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"

#define V4_IN_V6_BITS 96
#define V6_REGISTERED_BITS 64

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool source_is_v4(const struct source_address *source)
{
	return memcmp(source->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool cidr_is_v4(const struct cidr *range)
{
	return range->prefix >= V4_IN_V6_BITS &&
	       memcmp(range->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* The address alone; *ret_v4 tells how it was written. */
static bool parse_address(const char *text, uint8_t ret[16], bool *ret_v4)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		memcpy(ret, v4_prefix, sizeof(v4_prefix));
		memcpy(ret + sizeof(v4_prefix), v4, sizeof(v4));
		*ret_v4 = true;
		return true;
	}
	*ret_v4 = false;
	return inet_pton(AF_INET6, text, ret) == 1;
}

static void clear_host_bits(uint8_t bytes[16], unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = prefix <= i * 8 ? 0 : MIN(prefix - i * 8, 8);

		bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
}

int cidr_parse(const char *text, struct cidr *ret)
{
	char address[CIDR_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t prefix;
	struct cidr range;
	bool v4;

	if (len == 0 || len >= sizeof(address))
		return fail(-EINVAL, "not an address range: write it like 192.0.2.0/24 or "
				     "2001:db8::/32");
	memcpy(address, text, len);
	address[len] = '\0';
	if (!parse_address(address, range.bytes, &v4))
		return fail(-EINVAL, "\"%s\" isn't an IPv4 or IPv6 address", address);
	prefix = v4 ? 32 : 128;
	if (slash && (text_u64(slash + 1, &prefix) < 0 || prefix > (v4 ? 32U : 128U)))
		return fail(-EINVAL, "the prefix length of \"%s\" must be 0 to %d", address,
			    v4 ? 32 : 128);
	range.prefix = (uint8_t)(v4 ? prefix + V4_IN_V6_BITS : prefix);

	struct cidr clean = range;

	clear_host_bits(clean.bytes, clean.prefix);
	if (memcmp(clean.bytes, range.bytes, sizeof(clean.bytes)) != 0) {
		cidr_print(&clean, address);
		return fail(-EINVAL,
			    "an address range must start at its first address: did you "
			    "mean %s?",
			    address);
	}
	*ret = range;
	return 0;
}

/* Skips spaces and returns the first other character. */
static char next_character(const char **at)
{
	while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r')
		(*at)++;
	return **at;
}

/* "text" at *at into list; *at is behind the closing quote after it. */
static int list_item(const char **at, struct cidr_list *list)
{
	char text[CIDR_TEXT_SIZE];
	size_t len;

	if (list->count == CIDR_LIST_MAX)
		return fail(-E2BIG, "more than %d address ranges", CIDR_LIST_MAX);
	if (**at != '"')
		return fail(-EINVAL, "a list of address ranges must hold texts");
	len = strcspn(++*at, "\"\\");
	if (len >= sizeof(text) || (*at)[len] != '"')
		return fail(-EINVAL, "a list of address ranges holds something too long or cut");
	memcpy(text, *at, len);
	text[len] = '\0';
	*at += len + 1;
	return cidr_parse(text, &list->items[list->count++]);
}

int cidr_list_parse(const char *text, struct cidr_list *ret)
{
	struct cidr_list list = { .count = 0 };
	const char *at = text;

	if (next_character(&at) == '\0') {
		ret->count = 0;
		return 0;
	}
	if (*at++ != '[')
		return fail(-EINVAL, "a list of address ranges must start with [");
	for (char c = next_character(&at); c != ']'; c = next_character(&at)) {
		int r;

		if (list.count > 0 && *at++ != ',')
			return fail(-EINVAL, "a list of address ranges needs commas and an end");
		next_character(&at);
		r = list_item(&at, &list);
		if (r < 0)
			return r;
	}
	at++;
	if (next_character(&at) != '\0')
		return fail(-EINVAL, "there is something behind a list of address ranges");
	*ret = list;
	return 0;
}

bool cidr_contains(const struct cidr *range, const struct source_address *source)
{
	unsigned whole = range->prefix / 8, rest = range->prefix % 8;

	/* ::/0 means every IPv6 address, not the IPv4 ones that are mapped into it. */
	if (source_is_v4(source) && !cidr_is_v4(range))
		return false;
	if (memcmp(range->bytes, source->bytes, whole) != 0)
		return false;
	return rest == 0 || ((range->bytes[whole] ^ source->bytes[whole]) & (0xff00 >> rest)) == 0;
}

bool cidr_list_contains(const struct cidr_list *list, const struct source_address *source)
{
	for (size_t i = 0; i < list->count; i++)
		if (cidr_contains(&list->items[i], source))
			return true;
	return false;
}

struct cidr cidr_registered(const struct source_address *source)
{
	struct cidr range = { .prefix = source_is_v4(source) ? 128 : V6_REGISTERED_BITS };

	memcpy(range.bytes, source->bytes, sizeof(range.bytes));
	clear_host_bits(range.bytes, range.prefix);
	return range;
}

void cidr_print(const struct cidr *range, char ret[static CIDR_TEXT_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";

	if (cidr_is_v4(range)) {
		inet_ntop(AF_INET, range->bytes + sizeof(v4_prefix), address, sizeof(address));
		if (range->prefix == 128)
			snprintf(ret, CIDR_TEXT_SIZE, "%s", address);
		else
			snprintf(ret, CIDR_TEXT_SIZE, "%s/%u", address,
				 range->prefix - V4_IN_V6_BITS);
		return;
	}
	inet_ntop(AF_INET6, range->bytes, address, sizeof(address));
	if (range->prefix == 128)
		snprintf(ret, CIDR_TEXT_SIZE, "%s", address);
	else
		snprintf(ret, CIDR_TEXT_SIZE, "%s/%u", address, range->prefix);
}

int cidr_list_print(const struct cidr_list *list, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < list->count; i++) {
		char item[CIDR_TEXT_SIZE];

		cidr_print(&list->items[i], item);
		if (used + strlen(item) + 5 > size) /* comma or [, quotes, ], zero */
			return fail(-E2BIG, "too many address ranges");
		used += (size_t)sprintf(ret + used, "%c\"%s\"", i == 0 ? '[' : ',', item);
	}
	if (size < sizeof("[]"))
		return fail(-E2BIG, "too many address ranges");
	strcpy(ret + used, list->count ? "]" : "[]");
	return 0;
}

void source_print(const struct source_address *source, char ret[static CIDR_TEXT_SIZE])
{
	struct cidr range = { .prefix = 128 };

	memcpy(range.bytes, source->bytes, sizeof(range.bytes));
	cidr_print(&range, ret);
}

int source_parse(const char *text, struct source_address *ret)
{
	struct source_address source = { .port = 0 };
	bool v4;

	if (!parse_address(text, source.bytes, &v4))
		return fail(-EINVAL, "not an IPv4 or IPv6 address");
	*ret = source;
	return 0;
}
