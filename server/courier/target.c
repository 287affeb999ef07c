/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By the IANA registries of special-purpose addresses (RFC 6890 and what came after it): whatever
 * isn't reachable for everybody counts as private.
 */
#include "server/courier/target.h"

#include <string.h>

struct range {
	uint8_t bytes[16];
	uint8_t prefix;
};

#define V4(a, b, c, d, prefix)                                                                     \
	{                                                                                          \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, 96 + (prefix)            \
	}
#define V6(prefix, ...)                                                                            \
	{                                                                                          \
		{ __VA_ARGS__ }, prefix                                                            \
	}

static const struct range private_ranges[] = {
	V4(0, 0, 0, 0, 8),		   /* this network */
	V4(10, 0, 0, 0, 8),		   /* private */
	V4(100, 64, 0, 0, 10),		   /* shared by a carrier's customers */
	V4(127, 0, 0, 0, 8),		   /* loopback */
	V4(169, 254, 0, 0, 16),		   /* link-local; a cloud's metadata */
	V4(172, 16, 0, 0, 12),		   /* private */
	V4(192, 0, 0, 0, 24),		   /* protocol assignments */
	V4(192, 0, 2, 0, 24),		   /* documentation */
	V4(192, 88, 99, 0, 24),		   /* 6to4 relays, once */
	V4(192, 168, 0, 0, 16),		   /* private */
	V4(198, 18, 0, 0, 15),		   /* benchmarks */
	V4(198, 51, 100, 0, 24),	   /* documentation */
	V4(203, 0, 113, 0, 24),		   /* documentation */
	V4(224, 0, 0, 0, 3),		   /* multicast, reserved, broadcast */
	V6(96, 0),			   /* unspecified, loopback, IPv4-compatible */
	V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), /* a local translator to IPv4 */
	V6(64, 1),			   /* discard only */
	V6(23, 0x20, 1),		   /* protocol assignments, Teredo */
	V6(32, 0x20, 1, 0x0d, 0xb8),	   /* documentation */
	V6(20, 0x3f, 0xff),		   /* documentation */
	V6(16, 0x5f, 0),		   /* segment routing */
	V6(7, 0xfc),			   /* unique local */
	V6(9, 0xfe, 0x80),		   /* link-local; 0xfec0: site-local, once */
	V6(8, 0xff),			   /* multicast */
};

/* IPv6 addresses that carry an IPv4 address, which decides. */
static const struct {
	struct range range;
	size_t offset;
} carriers[] = {
	{ V6(96, 0, 0x64, 0xff, 0x9b), 12 }, /* the well-known translator, RFC 6052 */
	{ V6(16, 0x20, 2), 2 },		     /* 6to4 */
};

static bool holds(const struct range *range, const struct source_address *address)
{
	struct cidr cidr = { .prefix = range->prefix };

	memcpy(cidr.bytes, range->bytes, sizeof(cidr.bytes));
	return cidr_is_v4(&cidr) == source_is_v4(address) && cidr_contains(&cidr, address);
}

bool target_is_private(const struct source_address *address)
{
	for (size_t i = 0; i < ARRAY_SIZE(private_ranges); i++)
		if (holds(&private_ranges[i], address))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(carriers); i++) {
		struct source_address inner = { .bytes = { [10] = 0xff, [11] = 0xff } };

		memcpy(inner.bytes + 12, address->bytes + carriers[i].offset, 4);
		if (holds(&carriers[i].range, address) && target_is_private(&inner))
			return true;
	}
	return false;
}

bool target_is_allowed(const struct cidr_list *allowed, const struct source_address *address)
{
	return !target_is_private(address) || cidr_list_contains(allowed, address);
}
