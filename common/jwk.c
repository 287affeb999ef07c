/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only file that includes libjose. Works with 11 to 14. Three of its habits matter here:
 *  - lengths that it returns are added to what the variable held: they start at zero;
 *  - without a configuration it prints its errors to stderr: quiet() gives it one that doesn't;
 *  - a key whose alg or key_ops name another use is refused: they are deleted on the copy that is
 * used.
 */
#include "common/jwk.h"

#include "common/err.h"
#include "common/strbuf.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <string.h>

#define ADVERTISEMENT_MAX_BYTES (64 * KIB)
#define PROTECTED_MAX_BYTES (64 * KIB)

static int no_memory(void)
{
	return fail(-ENOMEM, "out of memory: free some memory and run again");
}

static void ignore_error(void *misc UNUSED, const char *file UNUSED, int line UNUSED,
			 uint64_t err UNUSED, const char *format UNUSED, va_list args UNUSED)
{
}

/* A configuration that prints nothing. NULL when out of memory, which libjose accepts. */
static jose_cfg_t *quiet(void)
{
	jose_cfg_t *cfg = jose_cfg();

	if (cfg)
		jose_cfg_set_err_func(cfg, ignore_error, NULL);
	return cfg;
}

/* Removes what ties a key to another algorithm or use. */
static void untie(json_t *jwk)
{
	json_object_del(jwk, "key_ops");
	json_object_del(jwk, "alg");
	json_object_del(jwk, "use");
}

void jwk_wipe(json_t *jwk)
{
	static const char *const private_members[] = { "d", "k", "p", "q", "dp", "dq", "qi" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(private_members); i++) {
		json_t *value = json_object_get(jwk, private_members[i]);

		if (json_is_string(value))
			secret_wipe((void *)(uintptr_t)json_string_value(value),
				    json_string_length(value));
	}
}

int b64url_encode(const void *data, size_t len, char **ret)
{
	size_t text_len = jose_b64_enc_buf(NULL, len, NULL, 0);
	char *text = calloc(1, text_len + 1);

	if (!text)
		return no_memory();
	if (len > 0 && jose_b64_enc_buf(data, len, text, text_len) != text_len) {
		free(text);
		return fail(-EIO, "base64 failed in libjose");
	}
	*ret = text;
	return 0;
}

int b64url_decode(const char *text, size_t max_bytes, uint8_t **ret, size_t *ret_len)
{
	CLEANUP_FREE uint8_t *data = NULL;
	size_t text_len = strlen(text), len = jose_b64_dec_buf(NULL, text_len, NULL, 0);

	if (len == SIZE_MAX)
		return fail(-EINVAL, "not base64url");
	if (len > max_bytes)
		return fail(-E2BIG, "base64url of more than %zu bytes", max_bytes);
	data = malloc(len + 1);
	if (!data)
		return no_memory();
	if (len > 0 && jose_b64_dec_buf(text, text_len, data, len) != len)
		return fail(-EINVAL, "not base64url");
	data[len] = 0;
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

int jwk_generate(const char *alg, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *jwk = json_pack("{s:s}", "alg", alg);

	if (!jwk)
		return no_memory();
	if (!jose_jwk_gen(cfg, jwk))
		return fail(-EIO, "a key for %s can't be made by libjose", alg);
	*ret = TAKE_PTR(jwk);
	return 0;
}

int jwk_public(const json_t *jwk, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *copy = json_deep_copy(jwk);

	if (!copy)
		return no_memory();
	if (!jose_jwk_pub(cfg, copy)) {
		jwk_wipe(copy);
		return fail(-EINVAL, "not a key (JWK)");
	}
	*ret = TAKE_PTR(copy);
	return 0;
}

int jwk_thumbprint(const json_t *jwk, char ret[static JWK_THUMBPRINT_SIZE])
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *thumbprint = jose_jwk_thp(cfg, jwk, "S256");

	if (json_string_length(thumbprint) != JWK_THUMBPRINT_SIZE - 1)
		return fail(-EINVAL, "not a key (JWK): it has no thumbprint");
	memcpy(ret, json_string_value(thumbprint), JWK_THUMBPRINT_SIZE);
	return 0;
}

/* {"keys":[public…]} of an array of keys or of a set. */
static int make_public_set(const json_t *keys, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *copy = json_deep_copy(keys);
	CLEANUP_JSON json_t *set = NULL;

	set = json_is_array(copy) ? json_pack("{s:O}", "keys", copy) : json_incref(copy);
	if (!set)
		return no_memory();
	if (!json_is_array(json_object_get(set, "keys")) || !jose_jwk_pub(cfg, set))
		return fail(-EINVAL, "not a set of keys (JWK set)");
	*ret = TAKE_PTR(set);
	return 0;
}

static int sign_one(json_t *jws, const json_t *key)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *signature = NULL;
	const char *alg;
	int r;

	r = js_string(key, "alg", &alg);
	if (r < 0)
		return fail_at(r, "signing key");
	signature = json_pack("{s:{s:s,s:s}}", "protected", "alg", alg, "cty", "jwk-set+json");
	if (!signature)
		return no_memory();
	if (!jose_jws_sig(cfg, jws, signature, key))
		return fail(-EIO, "the advertisement can't be signed: the signing key is no %s key",
			    alg);
	return 0;
}

int jwk_advertise(json_t *const *signing_keys, size_t count, const json_t *public_keys,
		  json_t **ret_jws)
{
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE char *payload = NULL;
	size_t i;
	int r;

	if (count == 0)
		return fail(-EINVAL, "an advertisement needs a signing key");
	r = make_public_set(public_keys, &set);
	if (r < 0)
		return r;
	r = js_print(set, &text);
	if (r < 0)
		return r;
	r = b64url_encode(text, strlen(text), &payload);
	if (r < 0)
		return r;
	jws = json_pack("{s:s}", "payload", payload);
	if (!jws)
		return no_memory();
	for (i = 0; i < count; i++) {
		r = sign_one(jws, signing_keys[i]);
		if (r < 0)
			return r;
	}
	*ret_jws = TAKE_PTR(jws);
	return 0;
}

/* Decodes a base64url member that holds JSON. */
static int load_member(const json_t *object, const char *name, size_t max_bytes, json_t **ret)
{
	CLEANUP_FREE uint8_t *data = NULL;
	const char *text;
	size_t len;
	int r;

	r = js_string(object, name, &text);
	if (r < 0)
		return r;
	r = b64url_decode(text, max_bytes, &data, &len);
	if (r < 0)
		return fail_at(r, "member \"%s\"", name);
	r = js_parse((const char *)data, len, max_bytes, ret);
	return r < 0 ? fail_at(r, "member \"%s\"", name) : 0;
}

/* The keys of the set that may verify, in an array; whether one has the thumbprint (NULL: not
 * asked). */
static int select_verify_keys(const json_t *keys, const char *thumbprint, json_t **ret,
			      bool *ret_is_known)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *chosen = json_array();
	char has[JWK_THUMBPRINT_SIZE];
	bool is_known = !thumbprint;
	json_t *key;
	size_t i;

	if (!chosen)
		return no_memory();
	json_array_foreach (keys, i, key) {
		if (!jose_jwk_prm(cfg, key, true, "verify"))
			continue;
		if (json_array_append(chosen, key) < 0)
			return no_memory();
		if (thumbprint && jwk_thumbprint(key, has) == 0 && strcmp(has, thumbprint) == 0)
			is_known = true;
	}
	*ret = TAKE_PTR(chosen);
	*ret_is_known = is_known;
	return 0;
}

int jwk_verify_advertisement(const json_t *jws, const char *thumbprint, json_t **ret_keys)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *verify_keys = NULL;
	json_t *keys;
	bool is_known;
	int r;

	r = load_member(jws, "payload", ADVERTISEMENT_MAX_BYTES, &set);
	if (r < 0)
		return fail_at(r, "advertisement");
	r = js_array(set, "keys", &keys);
	if (r < 0)
		return fail_at(r, "advertisement");
	r = select_verify_keys(keys, thumbprint, &verify_keys, &is_known);
	if (r < 0)
		return r;
	if (json_array_size(verify_keys) == 0 || !jose_jws_ver(cfg, jws, NULL, verify_keys, true))
		return fail(-EKEYREJECTED, "the advertisement isn't signed by all of its keys: "
					   "check that the URL leads to the right server");
	if (!is_known)
		return fail(-EKEYREJECTED,
			    "the advertisement isn't signed by the key %s: "
			    "check that the URL leads to the right server",
			    thumbprint);
	*ret_keys = TAKE_PTR(set);
	return 0;
}

int jwk_exchange_key(const json_t *keys, json_t **ret_borrowed)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	json_t *key;
	size_t i;

	json_array_foreach (json_object_get(keys, "keys"), i, key) {
		if (jose_jwk_prm(cfg, key, true, "deriveKey")) {
			*ret_borrowed = key;
			return 0;
		}
	}
	return fail(-ENOENT, "the advertisement has no exchange key: check the server");
}

/* Everything up to the content: the protected header with epk, and the content key. clevis expects
 * epk in the protected header; libjose puts it into the unprotected one. */
static int wrap_content_key(json_t *jwe, const json_t *exchange_key, json_t **ret_cek)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *cek = json_object();

	if (!cek)
		return no_memory();
	if (!jose_jwe_enc_jwk(cfg, jwe, NULL, exchange_key, cek))
		return fail(-EINVAL, "the exchange key can't be used: libjose refuses it");
	if (json_object_update(json_object_get(jwe, "protected"), json_object_get(jwe, "header")) <
	    0) {
		jwk_wipe(cek);
		return no_memory();
	}
	json_object_del(jwe, "header");
	*ret_cek = TAKE_PTR(cek);
	return 0;
}

int jwk_seal_tang(const char *url, const json_t *keys, const struct secret *secret,
		  json_t **ret_jwe)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *exchange_key = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JWK json_t *cek = NULL;
	char kid[JWK_THUMBPRINT_SIZE];
	json_t *found;
	int r;

	r = make_public_set(keys, &set);
	if (r < 0)
		return r;
	r = jwk_exchange_key(set, &found);
	if (r < 0)
		return r;
	exchange_key = json_deep_copy(found);
	if (!exchange_key)
		return no_memory();
	untie(exchange_key);
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
		return no_memory();
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

	r = load_member(jwe, "protected", PROTECTED_MAX_BYTES, &ret->header);
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
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
	CLEANUP_JSON json_t *a = json_deep_copy(local);
	CLEANUP_JSON json_t *b = json_deep_copy(remote);
	json_t *result = NULL;

	untie(a);
	untie(b);
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
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
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
	return *ret ? 0 : no_memory();
}

int jwk_recovery_unseal(const json_t *jwe, const json_t *ephemeral, const json_t *reply,
			struct secret *ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = quiet();
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
	untie(shared);
	plain = jose_jwe_dec(cfg, jwe, NULL, shared, &len);
	if (!plain)
		return fail(-EBADMSG, "the reply doesn't open the sealed key: the server has "
				      "another exchange key");
	r = secret_copy(ret, plain, len);
	secret_wipe(plain, len);
	free(plain);
	return r;
}
