/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel tables and os-release with anything in them: the first byte picks the reader. Lists stay
 * within their bounds and every text ends inside its buffer.
 *
 * FUZZ_SOURCES: bootstrap/facts_parse.c
 */
#include "bootstrap/facts_parse.h"

#include "common/base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void (*const readers[])(const char *text, struct facts *facts) = {
	facts_parse_os_release, facts_parse_meminfo,	    facts_parse_cpuinfo,
	facts_parse_swaps,	facts_parse_resolv,	    facts_parse_route4,
	facts_parse_route6,	facts_parse_initramfs_conf,
};

#define ENDS(text) (memchr(text, '\0', sizeof(text)) != NULL)

static void check(const struct facts *facts)
{
	size_t i;

	if (facts->swap_count > FACTS_LIST_MAX || facts->dns_count > FACTS_LIST_MAX)
		abort();
	for (i = 0; i < facts->swap_count; i++) {
		if (!ENDS(facts->swaps[i]))
			abort();
	}
	if (!ENDS(facts->initramfs_modules) || !ENDS(facts->os_id) || !ENDS(facts->os_pretty) ||
	    !ENDS(facts->net_interface) || !ENDS(facts->net_gateway4) || !ENDS(facts->net_gateway6))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct facts facts;
	char kind[8];
	char *text;

	if (len == 0)
		return 0;
	text = malloc(len);
	if (!text)
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	memset(&facts, 0, sizeof(facts));
	facts_parse_environ((const char *)data + 1, len - 1, kind, sizeof(kind));
	if (!ENDS(kind))
		abort();
	readers[data[0] % ARRAY_SIZE(readers)](text, &facts);
	check(&facts);
	facts_unescape(text);
	free(text);
	return 0;
}
