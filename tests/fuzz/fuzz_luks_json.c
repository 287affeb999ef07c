/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LUKS2 metadata from a disk. What is said of it never contradicts itself.
 * FUZZ_SOURCES: bootstrap/luks_json.c
 */
#include <stdlib.h>

#include "bootstrap/luks_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_JSON json_t *metadata = NULL;
	struct luks_status status;
	struct luks_salts salts;
	uint64_t bytes;
	json_t *token;
	int id;

	if (luks_json_parse((const char *)data, len, &metadata) != 0)
		return 0;
	if (luks_json_status(metadata, &status) == 0 &&
	    (status.encrypted_bytes > status.payload_bytes || status.is_luks2))
		abort();
	if (luks_json_salts(metadata, &salts) == 0 && salts.count > LUKS_SALTS_MAX)
		abort();
	if (luks_json_token(metadata, "clevis", &id, &token) == 0 && (id < 0 || !token))
		abort();
	(void)!luks_json_header_bytes(metadata, &bytes);
	return 0;
}
