/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets sealed for later, as JWE (RFC 7516) in its flattened JSON form: to a public key, or by a
 * passphrase. "jose jwe dec" opens both. The seal of Clevis's tang pin is jwk_tang.c's.
 */
#include "common/jwk.h"

#include "common/err.h"
#include "common/jwk_internal.h"

#include <jose/jwe.h>
#include <string.h>

/* The most that libjose 12 and later take (older ones took any, CVE-2023-50967). */
#define PBES2_ITERATIONS 32768

static int finish(json_t *jwe, const json_t *cek, const struct secret *secret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();

	if (!jose_jwe_enc_cek(cfg, jwe, cek, secret->data, secret->len))
		return fail(-EIO, "sealing failed in libjose");
	return 0;
}

int jwk_seal(const json_t *public_key, const struct secret *secret, json_t **ret_jwe)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *key = NULL;
	CLEANUP_JSON json_t *jwe = json_pack("{s:{s:s}}", "protected", "enc", "A256GCM");
	CLEANUP_JWK json_t *cek = json_object();
	int r;

	if (!jwe || !cek)
		return jwk_no_memory();
	r = jwk_public(public_key, &key);
	if (r < 0)
		return r;
	if (json_object_get(public_key, "k"))
		return fail(-EINVAL, "it is a symmetric key: a public one is needed");
	if (!jose_jwe_enc_jwk(cfg, jwe, NULL, key, cek))
		return fail(-EINVAL, "libjose can't seal to this key: an EC or RSA key for "
				     "encryption is needed");
	r = finish(jwe, cek, secret);
	if (r == 0)
		*ret_jwe = TAKE_PTR(jwe);
	return r;
}

/* A JSON string of the passphrase, which libjose wants; wiped by wipe_string(). */
static json_t *string_of(const struct secret *passphrase)
{
	return json_stringn((const char *)passphrase->data, passphrase->len);
}

static void wipe_string(json_t **value)
{
	if (json_is_string(*value))
		secret_wipe((void *)(uintptr_t)json_string_value(*value),
			    json_string_length(*value));
	json_decref(*value);
}

int jwk_seal_by_passphrase(const struct secret *passphrase, const struct secret *secret,
			   json_t **ret_jwe)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP(wipe_string) json_t *text = string_of(passphrase);
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JWK json_t *cek = json_object();
	int r;

	jwe = json_pack("{s:{s:s, s:s, s:i}}", "protected", "enc", "A256GCM", "alg",
			"PBES2-HS512+A256KW", "p2c", PBES2_ITERATIONS);
	if (!text)
		return fail(-EINVAL, "the passphrase isn't UTF-8");
	if (!jwe || !cek)
		return jwk_no_memory();
	if (!jose_jwe_enc_jwk(cfg, jwe, NULL, text, cek))
		return fail(-EIO, "sealing by a passphrase failed in libjose");
	r = finish(jwe, cek, secret);
	if (r == 0)
		*ret_jwe = TAKE_PTR(jwe);
	return r;
}

static int unseal(const json_t *jwe, const json_t *key, struct secret *ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	size_t len = 0; /* libjose adds to it */
	uint8_t *plain = jose_jwe_dec(cfg, jwe, NULL, key, &len);
	int r;

	if (!plain)
		return fail(-EBADMSG,
			    "it doesn't open: the key or the passphrase is another one, or "
			    "the file is damaged");
	r = secret_copy(ret, plain, len);
	secret_wipe(plain, len);
	free(plain);
	return r;
}

int jwk_unseal(const json_t *jwe, const json_t *private_key, struct secret *ret)
{
	return unseal(jwe, private_key, ret);
}

int jwk_unseal_by_passphrase(const json_t *jwe, const struct secret *passphrase, struct secret *ret)
{
	CLEANUP(wipe_string) json_t *text = string_of(passphrase);

	return text ? unseal(jwe, text, ret) : fail(-EINVAL, "the passphrase isn't UTF-8");
}
