/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seal of Clevis's tang pin: what `clevis encrypt tang` writes and `clevis decrypt` does,
 * through libjose. The exchange is McCallum and Relyea's (tang's README): the server multiplies a
 * blinded point and learns nothing.
 */
#include "common/jwk.h"

#include "common/err.h"
#include "common/jwk_internal.h"
#include "common/strbuf.h"

#include <jose/jwe.h>
#include <jose/jwk.h>
#include <string.h>

#define PROTECTED_MAX_BYTES (64 * KIB)

/* Everything up to the content: the protected header with epk, and the content key. clevis expects
 * epk in the protected header; libjose puts it into the unprotected one. */
static int wrap_content_key(json_t *jwe, const json_t *exchange_key, json_t **ret_cek)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *cek = json_object();

	if (!cek)
		return jwk_no_memory();
	if (!jose_jwe_enc_jwk(cfg, jwe, NULL, exchange_key, cek))
		return fail(-EINVAL, "the exchange key can't be used: libjose refuses it");
	if (json_object_update(json_object_get(jwe, "protected"), json_object_get(jwe, "header")) <
	    0) {
		jwk_wipe(cek);
		return jwk_no_memory();
	}
	json_object_del(jwe, "header");
	*ret_cek = TAKE_PTR(cek);
	return 0;
}

int jwk_seal_tang(const char *url, const json_t *keys, const struct secret *secret,
		  json_t **ret_jwe)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *exchange_key = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JWK json_t *cek = NULL;
	char kid[JWK_THUMBPRINT_SIZE];
	json_t *found;
	int r;

	r = jwk_public_set(keys, &set);
	if (r < 0)
		return r;
	r = jwk_exchange_key(set, &found);
	if (r < 0)
		return r;
	exchange_key = json_deep_copy(found);
	if (!exchange_key)
		return jwk_no_memory();
	jwk_untie(exchange_key);
	r = jwk_thumbprint(exchange_key, kid);
	if (r < 0)
		return r;
	jwe = json_pack("{s:{s:s,s:s,s:s,s:{s:s,s:{s:s,s:O}}}}", "protected", "alg", "ECDH-ES",
			"enc", "A256GCM", "kid", kid, "clevis", "pin", "tang", "tang", "url", url,
			"adv", set);
	if (!jwe)
		return fail(-EINVAL, "the URL isn't UTF-8, or out of memory");
	r = wrap_content_key(jwe, exchange_key, &cek);
	if (r < 0)
		return r;
	if (!jose_jwe_enc_cek(cfg, jwe, cek, secret->data, secret->len))
		return fail(-EIO, "sealing failed in libjose");
	/* ECDH-ES has no wrapped key; clevis's tokens carry the empty member all the same. */
	if (json_object_set_new(jwe, "encrypted_key", json_string("")) < 0)
		return jwk_no_memory();
	*ret_jwe = TAKE_PTR(jwe);
	return 0;
}

int jwk_compact(const json_t *jwe, char **ret)
{
	const char *protected, *key, *iv, *ciphertext, *tag;
	int r;

	if ((r = js_string(jwe, "protected", &protected)) < 0 ||
	    (r = js_string_or(jwe, "encrypted_key", "", &key)) < 0 ||
	    (r = js_string(jwe, "iv", &iv)) < 0 ||
	    (r = js_string(jwe, "ciphertext", &ciphertext)) < 0 ||
	    (r = js_string(jwe, "tag", &tag)) < 0)
		return fail_at(r, "JWE");
	return text_format(ret, "%s.%s.%s.%s.%s", protected, key, iv, ciphertext, tag);
}

/* What a recovery needs of the protected header; everything borrowed from header. */
struct tang_header {
	json_t *header;
	json_t *epk;
	json_t *server_key; /* the key in the advertisement whose thumbprint is kid */
	const char *kid;
	const char *curve;
};

static void tang_header_done(struct tang_header *header)
{
	json_decref(header->header);
}

static int find_by_thumbprint(const json_t *keys, const char *thumbprint, json_t **ret_borrowed)
{
	char has[JWK_THUMBPRINT_SIZE];
	json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		if (jwk_thumbprint(key, has) == 0 && strcmp(has, thumbprint) == 0) {
			*ret_borrowed = key;
			return 0;
		}
	}
	return fail(-EINVAL, "the sealed key's kid is not in its advertisement");
}

static int read_tang_header(const json_t *jwe, struct tang_header *ret)
{
	json_t *clevis, *tang, *adv, *keys;
	const char *pin;
	int r;

	r = jwk_load_member(jwe, "protected", PROTECTED_MAX_BYTES, &ret->header);
	if (r < 0)
		return r;
	if ((r = js_object(ret->header, "clevis", &clevis)) < 0 ||
	    (r = js_string(clevis, "pin", &pin)) < 0 ||
	    (r = js_object(clevis, "tang", &tang)) < 0 || (r = js_object(tang, "adv", &adv)) < 0 ||
	    (r = js_array(adv, "keys", &keys)) < 0 ||
	    (r = js_string(ret->header, "kid", &ret->kid)) < 0 ||
	    (r = js_object(ret->header, "epk", &ret->epk)) < 0 ||
	    (r = js_string(ret->epk, "crv", &ret->curve)) < 0)
		return r;
	if (strcmp(pin, "tang") != 0)
		return fail(-EINVAL, "the sealed key is for another pin than tang");
	return find_by_thumbprint(keys, ret->kid, &ret->server_key);
}

/* One McCallum-Relyea step: multiply, add or subtract, by which of the two has a private half. */
static int exchange_step(const json_t *local, const json_t *remote, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *a = json_deep_copy(local);
	CLEANUP_JSON json_t *b = json_deep_copy(remote);
	json_t *result = NULL;

	jwk_untie(a);
	jwk_untie(b);
	if (a && b && json_object_set_new(a, "alg", json_string("ECMR")) == 0)
		result = jose_jwk_exc(cfg, a, b);
	jwk_wipe(a);
	jwk_wipe(b);
	if (!result)
		return fail(-EINVAL,
			    "the exchange failed: a key is not on the curve, or of another curve");
	*ret = result;
	return 0;
}

int jwk_recovery_request(const json_t *jwe, json_t **ret_request, json_t **ret_ephemeral,
			 char **ret_kid)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP(tang_header_done) struct tang_header header = { 0 };
	CLEANUP_JWK json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_FREE char *kid = NULL;
	int r;

	r = read_tang_header(jwe, &header);
	if (r < 0)
		return fail_at(r, "JWE");
	ephemeral = json_pack("{s:s,s:s}", "alg", "ECMR", "crv", header.curve);
	if (!ephemeral || !jose_jwk_gen(cfg, ephemeral))
		return fail(-EINVAL, "no key can be made for the curve %s", header.curve);
	r = exchange_step(header.epk, ephemeral, &request);
	if (r < 0)
		return r;
	r = text_format(&kid, "%s", header.kid);
	if (r < 0)
		return r;
	*ret_request = TAKE_PTR(request);
	*ret_ephemeral = TAKE_PTR(ephemeral);
	*ret_kid = TAKE_PTR(kid);
	return 0;
}

/* The reply's point and nothing else of it. */
static int clean_reply(const json_t *reply, const char *curve, json_t **ret)
{
	const char *kty, *crv, *x, *y;
	int r;

	if ((r = js_string(reply, "kty", &kty)) < 0 || (r = js_string(reply, "crv", &crv)) < 0 ||
	    (r = js_string(reply, "x", &x)) < 0 || (r = js_string(reply, "y", &y)) < 0)
		return fail_at(r, "reply");
	if (strcmp(kty, "EC") != 0 || strcmp(crv, curve) != 0)
		return fail(-EINVAL, "the reply is not a point of %s", curve);
	*ret = json_pack("{s:s,s:s,s:s,s:s}", "kty", kty, "crv", crv, "x", x, "y", y);
	return *ret ? 0 : jwk_no_memory();
}

int jwk_recovery_unseal(const json_t *jwe, const json_t *ephemeral, const json_t *reply,
			struct secret *ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP(tang_header_done) struct tang_header header = { 0 };
	CLEANUP_JSON json_t *point = NULL;
	CLEANUP_JSON json_t *blinding = NULL;
	CLEANUP_JSON json_t *shared = NULL;
	size_t len = 0; /* libjose adds to it */
	uint8_t *plain;
	int r;

	r = read_tang_header(jwe, &header);
	if (r < 0)
		return fail_at(r, "JWE");
	r = clean_reply(reply, header.curve, &point);
	if (r < 0)
		return r;
	r = exchange_step(ephemeral, header.server_key, &blinding);
	if (r < 0)
		return r;
	r = exchange_step(point, blinding, &shared);
	if (r < 0)
		return r;
	jwk_untie(shared);
	plain = jose_jwe_dec(cfg, jwe, NULL, shared, &len);
	if (!plain)
		return fail(-EBADMSG, "the reply doesn't open the sealed key: the server has "
				      "another exchange key");
	r = secret_copy(ret, plain, len);
	secret_wipe(plain, len);
	free(plain);
	return r;
}
