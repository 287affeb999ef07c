/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of a recovery request. What is taken prints again.
 * FUZZ_SOURCES: server/front/jwk_request.c
 */
#include <stdlib.h>

#include "server/front/jwk_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct jwk_request request;
	struct message_exchanged answer = { .status = 200 };
	char *text = NULL;

	if (jwk_request_parse(data, len, &request) != 0)
		return 0;
	answer.curve = request.curve;
	for (size_t i = 0; i < FIELD_BYTES_MAX; i++) {
		answer.x[i] = request.x[i];
		answer.y[i] = request.y[i];
	}
	if (jwk_reply_print(&answer, &text) != 0)
		abort();
	free(text);
	return 0;
}
