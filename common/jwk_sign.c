/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts signed with a key of our own, as compact JWS (RFC 7515): what "jose jws ver" checks. Not
 * advertisements, which are jwk.c's.
 */
#include "common/jwk.h"

#include "common/err.h"
#include "common/jwk_internal.h"
#include "common/strbuf.h"

#include <jose/jws.h>
#include <string.h>

int jwk_sign_text(const json_t *key, const char *text, char **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_FREE char *payload = NULL;
	const char *protected, *signature;
	int r;

	r = b64url_encode(text, strlen(text), &payload);
	if (r < 0)
		return r;
	jws = json_pack("{s:s}", "payload", payload);
	if (!jws)
		return jwk_no_memory();
	if (!jose_jws_sig(cfg, jws, NULL, key))
		return fail(-EIO, "libjose can't sign with this key: is it a private signing key?");
	r = js_string(jws, "protected", &protected);
	if (r == 0)
		r = js_string(jws, "signature", &signature);
	return r < 0 ? r : text_format(ret, "%s.%s.%s", protected, payload, signature);
}

/* Cuts "protected.payload.signature" in place. */
static int cut(char *text, json_t **ret)
{
	char *payload = strchr(text, '.');
	char *signature = payload ? strchr(payload + 1, '.') : NULL;

	if (!signature || strchr(signature + 1, '.'))
		return fail(-EINVAL, "not a compact JWS: it must have three parts");
	*payload++ = '\0';
	*signature++ = '\0';
	*ret = json_pack("{s:s, s:s, s:s}", "protected", text, "payload", payload, "signature",
			 signature);
	return *ret ? 0 : fail(-EINVAL, "not a compact JWS: it isn't ASCII");
}

int jwk_verify_text(const json_t *key, const char *signed_text, size_t max_bytes, char **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_FREE char *copy = NULL;
	CLEANUP_JSON json_t *jws = NULL;
	const char *payload;
	uint8_t *text;
	size_t len;
	int r;

	r = text_format(&copy, "%s", signed_text);
	if (r == 0)
		r = cut(copy, &jws);
	if (r < 0)
		return r;
	if (!jose_jws_ver(cfg, jws, NULL, key, false))
		return fail(-EKEYREJECTED, "the signature isn't by this key");
	r = js_string(jws, "payload", &payload);
	if (r == 0)
		r = b64url_decode(payload, max_bytes, &text, &len);
	if (r < 0)
		return r;
	*ret = (char *)text; /* b64url_decode() puts a zero behind it */
	return 0;
}
