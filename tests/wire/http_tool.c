/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * common/http_client.c as a command: http_tool URL CA_FILE prints the answer's status, or the
 * sentence and exit 1. UNIT_SOURCES:
 */
#include "common/err.h"
#include "common/http_client.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct http_request request = { .method = "GET", .timeout_s = 5 };
	struct http_answer answer = { 0 };

	if (argc != 3)
		return EXIT_FAILURE;
	request.url = argv[1];
	request.ca_file = argv[2];
	if (http_exchange(&request, &answer) < 0) {
		printf("%s\n", fail_text());
		return EXIT_FAILURE;
	}
	printf("%ld\n", answer.status);
	http_answer_done(&answer);
	return EXIT_SUCCESS;
}
