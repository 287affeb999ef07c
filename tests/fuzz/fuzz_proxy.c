/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first bytes of a connection from a proxy.
 * FUZZ_SOURCES: server/monitor/proxy.c
 */
#include <stdlib.h>

#include "server/monitor/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct proxy_header header;

	if (proxy_parse(data, len, &header) == 0 &&
	    (header.used_bytes > len || header.used_bytes > PROXY_MAX_BYTES))
		abort();
	return 0;
}
