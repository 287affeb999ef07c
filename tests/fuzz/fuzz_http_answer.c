/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_answer_check(): a server's error body becomes a sentence for our terminal, without control
 * characters.
 */
#include "common/err.h"
#include "common/http_client.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer answer = { .status = 403, .body_len = size };
	const char *c;

	answer.body = calloc(1, size + 1);
	if (!answer.body)
		return 0;
	memcpy(answer.body, data, size);
	if (http_answer_check(&answer, "fuzz") == 0)
		abort();
	for (c = fail_text(); *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
	}
	free(answer.body);
	return 0;
}
