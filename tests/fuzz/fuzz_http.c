/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of a TLS client: request, path, query. What was taken lies inside the input.
 * FUZZ_SOURCES: server/front/routes.c server/edge/http.c
 * FUZZ_SOURCES: server/edge/http_llhttp.c server/edge/http_parser.c
 */
#include <stdlib.h>
#include <string.h>

#include "server/edge/http.h"
#include "server/front/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct front_target target;
	struct request request;
	char value[64];
	size_t used = 0;
	int r;

	r = http_parse(data, len, 4096, &request, &used);
	if (r < 0 || (r > HTTP_INCOMPLETE && r < 400))
		abort();
	if (r)
		return 0;
	if (used > len || request.body.len > used || request.path.len == 0 ||
	    (const uint8_t *)request.path.data < data ||
	    (const uint8_t *)request.body.data + request.body.len > data + used)
		abort();
	(void)!front_route(&request, &target);
	(void)http_query_value(request.query, "from", value, sizeof(value));
	return 0;
}
