/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A checkpoint's object and its lanes, and the compact JWS around it.
 * FUZZ_SOURCES: server/core/checkpoint_format.c
 */
#include "common/jwk.h"
#include "server/core/checkpoint_format.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_lane(const struct store_lane *lane, void *userdata UNUSED)
{
	if (strlen(lane->writer) >= sizeof(lane->writer))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *key;
	CLEANUP_FREE char *text = calloc(1, size + 1);
	CLEANUP_CHECKPOINT struct checkpoint checkpoint = CHECKPOINT_EMPTY;
	struct checkpoint signed_one;

	if (!key && jwk_generate("ES512", &key) < 0)
		abort();
	memcpy(text, data, size);
	if (checkpoint_read(text, key, &signed_one) == 0)
		abort(); /* nobody has signed it */
	if (checkpoint_parse(text, &checkpoint) == 0)
		(void)(checkpoint_lanes(&checkpoint, take_lane, NULL) == 0);
	return 0;
}
