/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * enrollment_key_parse(): what is accepted prints in the one normal form and reads back the same.
 */
#include "common/enrollment_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct enrollment_key key, again;
	char printed[ENROLLMENT_KEY_TEXT_SIZE];
	char *text = calloc(1, size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (enrollment_key_parse(text, &key) == 0) {
		enrollment_key_print(&key, printed);
		if (strlen(key.chars) != ENROLLMENT_KEY_CHARS ||
		    strlen(printed) != ENROLLMENT_KEY_TEXT_SIZE - 1 ||
		    enrollment_key_parse(printed, &again) != 0 ||
		    strcmp(again.chars, key.chars) != 0)
			abort();
	}
	free(text);
	return 0;
}
