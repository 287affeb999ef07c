/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address ranges and lists of them: what is read prints to a text that reads to the same.
 * FUZZ_SOURCES: server/cidr.c
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_range(const char *text)
{
	struct cidr range, again;
	char printed[CIDR_TEXT_SIZE];
	struct source_address first = { .port = 0 };

	if (cidr_parse(text, &range) < 0)
		return;
	cidr_print(&range, printed);
	memcpy(first.bytes, range.bytes, sizeof(first.bytes));
	if (cidr_parse(printed, &again) < 0 || memcmp(&range, &again, sizeof(range)) != 0)
		abort();
	if (!cidr_contains(&range, &first) && !(source_is_v4(&first) && !cidr_is_v4(&range)))
		abort();
}

static void try_list(const char *text)
{
	struct cidr_list list, again;
	char printed[CIDR_LIST_MAX * (CIDR_TEXT_SIZE + 3) + 8];

	if (cidr_list_parse(text, &list) < 0)
		return;
	if (list.count > CIDR_LIST_MAX || cidr_list_print(&list, printed, sizeof(printed)) < 0)
		abort();
	if (cidr_list_parse(printed, &again) < 0 || again.count != list.count ||
	    memcmp(list.items, again.items, list.count * sizeof(list.items[0])) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = strndup((const char *)data, len);
	struct source_address source;

	if (!text)
		return 0;
	try_range(text);
	try_list(text);
	(void)!source_parse(text, &source);
	return 0;
}
