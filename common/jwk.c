/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys, base64url and advertisements through libjose; jwk_tang.c has the seal. No other file
 * includes it. Works with 11 to 14. Three of its habits matter here:
 *  - lengths that it returns are added to what the variable held: they start at zero;
 *  - without a configuration it prints its errors to stderr: jwk_quiet() gives it one that doesn't;
 *  - a key whose alg or key_ops name another use is refused: they are deleted on the copy that is
 * used.
 */
#include "common/jwk.h"

#include "common/err.h"
#include "common/jwk_internal.h"

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <string.h>

#define ADVERTISEMENT_MAX_BYTES (64 * KIB)

int jwk_no_memory(void)
{
	return fail(-ENOMEM, "out of memory: free some memory and run again");
}

static void ignore_error(void *misc UNUSED, const char *file UNUSED, int line UNUSED,
			 uint64_t err UNUSED, const char *format UNUSED, va_list args UNUSED)
{
}

jose_cfg_t *jwk_quiet(void)
{
	jose_cfg_t *cfg = jose_cfg();

	if (cfg)
		jose_cfg_set_err_func(cfg, ignore_error, NULL);
	return cfg;
}

void jwk_untie(json_t *jwk)
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
		return jwk_no_memory();
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
		return jwk_no_memory();
	if (len > 0 && jose_b64_dec_buf(text, text_len, data, len) != len)
		return fail(-EINVAL, "not base64url");
	data[len] = 0;
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

int jwk_generate(const char *alg, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *jwk = json_pack("{s:s}", "alg", alg);

	if (!jwk)
		return jwk_no_memory();
	if (!jose_jwk_gen(cfg, jwk))
		return fail(-EIO, "a key for %s can't be made by libjose", alg);
	*ret = TAKE_PTR(jwk);
	return 0;
}

int jwk_public(const json_t *jwk, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *copy = json_deep_copy(jwk);

	if (!copy)
		return jwk_no_memory();
	if (!jose_jwk_pub(cfg, copy)) {
		jwk_wipe(copy);
		return fail(-EINVAL, "not a key (JWK)");
	}
	*ret = TAKE_PTR(copy);
	return 0;
}

int jwk_thumbprint(const json_t *jwk, char ret[static JWK_THUMBPRINT_SIZE])
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *thumbprint = jose_jwk_thp(cfg, jwk, "S256");

	if (json_string_length(thumbprint) != JWK_THUMBPRINT_SIZE - 1)
		return fail(-EINVAL, "not a key (JWK): it has no thumbprint");
	memcpy(ret, json_string_value(thumbprint), JWK_THUMBPRINT_SIZE);
	return 0;
}

bool jwk_has_thumbprint(const json_t *jwk, const char *thumbprint)
{
	static const char *const hashes[] = { "S256", "S1", "S224", "S384", "S512" };
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();

	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		CLEANUP_JSON json_t *has = jose_jwk_thp(cfg, jwk, hashes[i]);

		if (has && strcmp(json_string_value(has), thumbprint) == 0)
			return true;
	}
	return false;
}

bool jwk_allows(const json_t *jwk, const char *operation, bool must_be_named)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();

	return jose_jwk_prm(cfg, jwk, must_be_named, operation);
}

int jwk_public_set(const json_t *keys, json_t **ret)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *copy = json_deep_copy(keys);
	CLEANUP_JSON json_t *set = NULL;

	set = json_is_array(copy) ? json_pack("{s:O}", "keys", copy) : json_incref(copy);
	if (!set)
		return jwk_no_memory();
	if (!json_is_array(json_object_get(set, "keys")) || !jose_jwk_pub(cfg, set))
		return fail(-EINVAL, "not a set of keys (JWK set)");
	*ret = TAKE_PTR(set);
	return 0;
}

static int sign_one(json_t *jws, const json_t *key)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *signature = NULL;
	const char *alg;
	int r;

	r = js_string(key, "alg", &alg);
	if (r < 0)
		return fail_at(r, "signing key");
	signature = json_pack("{s:{s:s,s:s}}", "protected", "alg", alg, "cty", "jwk-set+json");
	if (!signature)
		return jwk_no_memory();
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
	r = jwk_public_set(public_keys, &set);
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
		return jwk_no_memory();
	for (i = 0; i < count; i++) {
		r = sign_one(jws, signing_keys[i]);
		if (r < 0)
			return r;
	}
	*ret_jws = TAKE_PTR(jws);
	return 0;
}

int jwk_load_member(const json_t *object, const char *name, size_t max_bytes, json_t **ret)
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
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *chosen = json_array();
	char has[JWK_THUMBPRINT_SIZE];
	bool is_known = !thumbprint;
	json_t *key;
	size_t i;

	if (!chosen)
		return jwk_no_memory();
	json_array_foreach (keys, i, key) {
		if (!jose_jwk_prm(cfg, key, true, "verify"))
			continue;
		if (json_array_append(chosen, key) < 0)
			return jwk_no_memory();
		if (thumbprint && jwk_thumbprint(key, has) == 0 && strcmp(has, thumbprint) == 0)
			is_known = true;
	}
	*ret = TAKE_PTR(chosen);
	*ret_is_known = is_known;
	return 0;
}

int jwk_verify_advertisement(const json_t *jws, const char *thumbprint, json_t **ret_keys)
{
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
	CLEANUP_JSON json_t *set = NULL;
	CLEANUP_JSON json_t *verify_keys = NULL;
	json_t *keys;
	bool is_known = false;
	int r;

	r = jwk_load_member(jws, "payload", ADVERTISEMENT_MAX_BYTES, &set);
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
	CLEANUP(jose_cfg_auto) jose_cfg_t *cfg = jwk_quiet();
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
