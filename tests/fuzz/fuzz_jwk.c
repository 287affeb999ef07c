/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What common/jwk.c does with a stranger's JSON: advertisements, keys, JWEs, replies; and
 * base64url. The first byte chooses.
 */
#include "common/jwk.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base64(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = calloc(1, size + 1);
	CLEANUP_FREE uint8_t *bytes = NULL;
	size_t len;

	memcpy(text, data, size);
	if (b64url_decode(text, 4096, &bytes, &len) == 0 && len > 4096)
		abort();
}

static void try_key(const json_t *value)
{
	CLEANUP_JSON json_t *public = NULL;
	char thumbprint[JWK_THUMBPRINT_SIZE];

	if (jwk_thumbprint(value, thumbprint) == 0 && strlen(thumbprint) != JWK_THUMBPRINT_SIZE - 1)
		abort();
	if (jwk_public(value, &public) == 0 && json_object_get(public, "kty") &&
	    json_object_get(public, "d"))
		abort();
}

static void try_advertisement(const json_t *value)
{
	CLEANUP_JSON json_t *keys = NULL;
	json_t *borrowed;

	if (jwk_verify_advertisement(value, NULL, &keys) == 0)
		(void)(jwk_exchange_key(keys, &borrowed) == 0);
	(void)(jwk_exchange_key(value, &borrowed) == 0);
}

static void try_jwe(const json_t *value)
{
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_JWK json_t *ephemeral = NULL;
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_FREE char *kid = NULL;
	CLEANUP_FREE char *compact = NULL;

	(void)(jwk_compact(value, &compact) == 0);
	if (jwk_recovery_request(value, &request, &ephemeral, &kid) == 0)
		(void)(jwk_recovery_unseal(value, ephemeral, request, &secret) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON json_t *value = NULL;

	if (size == 0)
		return 0;
	if (data[0] == 'b')
		try_base64(data + 1, size - 1);
	if (js_parse((const char *)data + 1, size - 1, JSON_TEXT_MAX, &value) < 0)
		return 0;
	if (data[0] == 'k')
		try_key(value);
	else if (data[0] == 'a')
		try_advertisement(value);
	else
		try_jwe(value);
	return 0;
}
