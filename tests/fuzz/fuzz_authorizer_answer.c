/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An external authorizer's answer: what is taken comes out of the printer the same, to the byte.
 * FUZZ_SOURCES: server/authorizer.c
 */
#include "server/authorizer.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	CLEANUP_FREE char *again = NULL;
	struct authorizer_answer answer;

	if (authorizer_answer_parse(text, len, &answer) != 0)
		return 0;
	if (authorizer_answer_print(&answer, &again) != 0 || strlen(again) > len ||
	    memcmp(again, text, strlen(again)) != 0)
		abort();
	return 0;
}
