/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to libjose: JWK, JWS advertisements and the JWE of Clevis's tang pin. Formats: RFC
 * 7515-7518, 7638 and clevis/tang as measured in docs/protocol.md. All functions take and return
 * jansson values.
 */
#pragma once

#include "common/json.h"
#include "common/secret.h"

#define JWK_THUMBPRINT_SIZE 44 /* S256 in base64url, 43 characters, and the zero */

/* A new private key: {"alg":"ECMR"|"ES512",...} as libjose makes it (P-521 for both). The caller
 * owns and wipes it. */
int jwk_generate(const char *alg, json_t **ret) MUST_CHECK;

/* Overwrites the private members in place; CLEANUP_JWK does it before it lets the value go. */
void jwk_wipe(json_t *jwk);

static inline void jwk_cleanup(json_t **jwk)
{
	jwk_wipe(*jwk);
	json_decref(*jwk);
}

#define CLEANUP_JWK CLEANUP(jwk_cleanup)

/* A copy without private members. */
int jwk_public(const json_t *jwk, json_t **ret) MUST_CHECK;

/* RFC 7638 thumbprint, SHA-256. */
int jwk_thumbprint(const json_t *jwk, char ret[static JWK_THUMBPRINT_SIZE]) MUST_CHECK;

/* Is this the key's thumbprint, by any hash that tang takes (S1, S224, S256, S384, S512)? */
bool jwk_has_thumbprint(const json_t *jwk, const char *thumbprint);

/* Does the key allow this operation (RFC 7517, 4.2, 4.3: "verify", "sign", "deriveKey")? A key that
 * names none allows all, unless it must be named. */
bool jwk_allows(const json_t *jwk, const char *operation, bool must_be_named);

/* Signs {"keys":[...public keys...]} with each signing key; one signer: flattened, more: general
 * form; protected headers carry alg and cty "jwk-set+json" (what clevis verifies with `jose jws ver
 * -a`). */
int jwk_advertise(json_t *const *signing_keys, size_t count, const json_t *public_keys,
		  json_t **ret_jws) MUST_CHECK;

/* Verifies an advertisement by every verify key listed in it, and (thumbprint != NULL) that the key
 * with this thumbprint is one of them. *ret_keys: the JWK set {"keys":[…]}. */
int jwk_verify_advertisement(const json_t *jws, const char *thumbprint,
			     json_t **ret_keys) MUST_CHECK;

/* The first exchange key (key_ops deriveKey) of a JWK set, as clevis picks it; borrowed. -ENOENT
 * when there is none. */
int jwk_exchange_key(const json_t *keys, json_t **ret_borrowed) MUST_CHECK;

/* The JWE that `clevis encrypt tang '{"url":…}'` would make of the secret: ECDH-ES + A256GCM,
 * protected header with clevis.pin/tang.{url,adv} and kid. *ret_jwe: the flattened JSON form, as it
 * stands in a LUKS2 token. */
int jwk_seal_tang(const char *url, const json_t *keys, const struct secret *secret,
		  json_t **ret_jwe) MUST_CHECK;

/* Compact serialization (protected.encrypted_key.iv.ciphertext.tag) of a flattened JWE; the caller
 * frees it. */
int jwk_compact(const json_t *jwe, char **ret) MUST_CHECK;

/* A text signed with a private key, as compact JWS; the caller frees it. */
int jwk_sign_text(const json_t *key, const char *text, char **ret) MUST_CHECK;

/* The text of a compact JWS that this key (its public half is enough) has signed; the caller frees
 * it. -EKEYREJECTED: another key's, or changed; -EINVAL: no JWS; -E2BIG: above max_bytes. */
int jwk_verify_text(const json_t *key, const char *signed_text, size_t max_bytes,
		    char **ret) MUST_CHECK;

/* A secret sealed for later, flattened JWE: to a public EC or RSA key, or by a passphrase. The
 * first takes a private key too, and uses its public half. -EINVAL: not such a key. */
int jwk_seal(const json_t *public_key, const struct secret *secret, json_t **ret_jwe) MUST_CHECK;
int jwk_seal_by_passphrase(const struct secret *passphrase, const struct secret *secret,
			   json_t **ret_jwe) MUST_CHECK;
/* -EBADMSG: it doesn't open. */
int jwk_unseal(const json_t *jwe, const json_t *private_key, struct secret *ret) MUST_CHECK;
int jwk_unseal_by_passphrase(const json_t *jwe, const struct secret *passphrase,
			     struct secret *ret) MUST_CHECK;

/* The client's half of a recovery done by ourselves (tests, self-test): what `clevis decrypt` does.
 * blind: from the JWE, makes the request JWK and the ephemeral private key; unseal: with the
 * server's reply. */
int jwk_recovery_request(const json_t *jwe, json_t **ret_request, json_t **ret_ephemeral,
			 char **ret_kid) MUST_CHECK;
int jwk_recovery_unseal(const json_t *jwe, const json_t *ephemeral, const json_t *reply,
			struct secret *ret) MUST_CHECK;

/* base64url without padding. The caller frees the text; ret_len is exact. */
int b64url_encode(const void *data, size_t len, char **ret) MUST_CHECK;
int b64url_decode(const char *text, size_t max_bytes, uint8_t **ret, size_t *ret_len) MUST_CHECK;
