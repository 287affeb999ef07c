/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY protocol's header, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): a pure
 * function over the first bytes of a connection, fuzzed.
 */
#pragma once

#include "server/message.h"

/* The longest header that is read: version 2's fixed part, addresses, and some TLVs (ignored). */
#define PROXY_MAX_BYTES 1040

struct proxy_header {
	bool has_source; /* false: the proxy speaks for itself (LOCAL, UNKNOWN) */
	struct source_address source;
	size_t used_bytes; /* what follows belongs to the client */
};

/* Outcomes besides 0. */
enum { PROXY_INCOMPLETE = 1 };

/* PROXY_INCOMPLETE: all of data belongs to the header, and more of it must come.
 * -EPROTO with a sentence: it is none, or is above PROXY_MAX_BYTES. */
int proxy_parse(const uint8_t *data, size_t len, struct proxy_header *ret) MUST_CHECK;
