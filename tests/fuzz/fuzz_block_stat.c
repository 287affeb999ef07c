/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The counters of a disk, as the kernel prints them.
 * FUZZ_SOURCES: bootstrap/throttle.c
 */
#include "bootstrap/throttle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t bytes = 0;
	char text[512];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (throttle_parse_stat(text, &bytes) == 0 && bytes % 512 != 0)
		abort();
	return 0;
}
