/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address ranges: reading, printing, matching. IPv4 is kept v4-mapped (::ffff:a.b.c.d, prefix
 * + 96), so one comparison serves both families, and a v4-mapped address on a dual-stack socket is
 * the same address as its IPv4 form. Pure functions: no name is ever looked up.
 */
#pragma once

#include "server/message.h"

#define CIDR_TEXT_SIZE 50 /* longest IPv6 text, a slash, three digits */
#define CIDR_LIST_MAX 64
#define CIDR_NETWORKS_MAX 8 /* shared lists that one device may name */

struct cidr {
	uint8_t bytes[16]; /* host bits are zero */
	uint8_t prefix;	   /* 0 .. 128, of the mapped form */
};

struct cidr_list {
	struct cidr items[CIDR_LIST_MAX];
	size_t count;
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. -EINVAL with a sentence; host bits that
 * are set behind the prefix are an error too ("192.0.2.1/24": did you mean …). */
int cidr_parse(const char *text, struct cidr *ret) MUST_CHECK;

/* A JSON array of such texts, as the store keeps it: ["192.0.2.0/24","2001:db8::/32"]. "" is an
 * empty list. No escapes. -EINVAL with a sentence; -E2BIG above CIDR_LIST_MAX. */
int cidr_list_parse(const char *text, struct cidr_list *ret) MUST_CHECK;

/* The reverse of cidr_list_parse(). -E2BIG when size isn't enough. */
int cidr_list_print(const struct cidr_list *list, char *ret, size_t size) MUST_CHECK;

/* An IPv4 source is only ever in an IPv4 range: ::/0 doesn't hold it. */
bool cidr_contains(const struct cidr *range, const struct source_address *source);
bool cidr_list_contains(const struct cidr_list *list, const struct source_address *source);

bool source_is_v4(const struct source_address *source);
bool cidr_is_v4(const struct cidr *range);

/* What gets registered for a source: the address itself for IPv4, its /64 for IPv6. */
struct cidr cidr_registered(const struct source_address *source);

/* IPv4 as a.b.c.d, IPv6 in RFC 5952 form; single addresses without their prefix. */
void cidr_print(const struct cidr *range, char ret[static CIDR_TEXT_SIZE]);
void source_print(const struct source_address *source, char ret[static CIDR_TEXT_SIZE]);

/* The reverse of source_print(), for queries: an address, port 0. -EINVAL with a sentence. */
int source_parse(const char *text, struct source_address *ret) MUST_CHECK;
