/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * js_parse() and what every caller does next: getters, printing. What was parsed must print and
 * parse again.
 */
#include "common/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_JSON json_t *again = NULL;
	CLEANUP_FREE char *text = NULL;
	const char *string;
	char copy[16];
	uint64_t number;
	json_t *part;
	bool flag;

	if (js_parse((const char *)data, size, JSON_TEXT_MAX, &value) < 0)
		return 0;
	if (js_string(value, "s", &string) == 0 && strlen(string) > size)
		abort();
	if (js_copy(value, "s", copy, sizeof(copy)) == 0 && strlen(copy) >= sizeof(copy))
		abort();
	if (js_u64_or(value, "n", 1, &number) == 0 && number > INT64_MAX)
		abort();
	if (js_bool_or(value, "b", false, &flag) == 0 && js_object(value, "o", &part) == 0 &&
	    !json_is_object(part))
		abort();
	if (js_print(value, &text) < 0 ||
	    js_parse(text, strlen(text), 8 * JSON_TEXT_MAX, &again) < 0)
		abort();
	return 0;
}
