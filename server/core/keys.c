/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wrapping and unwrapping. All plain private bytes are in struct secret, or for the moment of
 * signing in a JWK that is wiped.
 */
#include "server/core/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#define PURPOSE_DEVICE_KEY "panocrypt device key"

/* Opened exchange numbers: a device has one place, the newest stays. */
#define CACHE_SLOTS 256

struct cache_slot {
	uint8_t device[DEVICE_ID_BYTES];
	uint64_t generation; /* 0: empty */
};

struct keys {
	struct exchange *exchange;
	const struct epochs *epochs;
	struct secret cached; /* CACHE_SLOTS numbers */
	struct cache_slot slots[CACHE_SLOTS];
};

void keys_close(struct keys *keys)
{
	secret_done(&keys->cached);
	free(keys);
}

int keys_open(const struct epochs *epochs, struct exchange *exchange, struct keys **ret)
{
	CLEANUP(keys_closep) struct keys *keys = calloc(1, sizeof(*keys));
	int r;

	if (!keys)
		return fail(-ENOMEM, "out of memory");
	keys->exchange = exchange;
	keys->epochs = epochs;
	r = secret_alloc(&keys->cached, CACHE_SLOTS * P521_BYTES);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(keys);
	return 0;
}

/* --- JWK ------------------------------------------------------------------------------------- */

struct key_kind {
	const char *name; /* part of the bound text */
	const char *alg, *operation;
};

static const struct key_kind exchange_kind = { "exchange", "ECMR", "deriveKey" };
static const struct key_kind signing_kind = { "signing", "ES512", "verify" };

/* The public JWK of a private number. */
static int public_jwk(struct exchange *exchange, const struct key_kind *kind, const uint8_t *scalar,
		      json_t **ret)
{
	CLEANUP_FREE char *x = NULL;
	CLEANUP_FREE char *y = NULL;
	struct exchange_point point;
	int r;

	r = exchange_public(exchange, scalar, &point);
	if (r == 0)
		r = b64url_encode(point.x, sizeof(point.x), &x);
	if (r == 0)
		r = b64url_encode(point.y, sizeof(point.y), &y);
	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:s, s:[s], s:s, s:s, s:s}", "alg", kind->alg, "crv", "P-521",
			 "key_ops", kind->operation, "kty", "EC", "x", x, "y", y);
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

/* Makes it the private one, for signing; the caller wipes it. */
static int add_private(json_t *jwk, const uint8_t *scalar)
{
	char *d;
	int r = b64url_encode(scalar, P521_BYTES, &d);

	if (r < 0)
		return r;
	if (json_object_set_new(jwk, "d", json_string(d)) ||
	    json_object_set_new(jwk, "key_ops", json_pack("[s, s]", "sign", "verify")))
		r = fail(-ENOMEM, "out of memory");
	secret_wipe(d, strlen(d));
	free(d);
	return r;
}

/* --- wrapping -------------------------------------------------------------------------------- */

#define BOUND_SIZE 192

/* What a sealed key is tied to: moved to another row, it doesn't open. */
static void bound_text(const struct key_kind *kind, const uint8_t *device,
		       const struct store_key *key, char ret[static BOUND_SIZE])
{
	char organization[2 * ORGANIZATION_ID_BYTES + 1], id[2 * DEVICE_ID_BYTES + 1];

	text_hex(organization, key->organization, ORGANIZATION_ID_BYTES);
	text_hex(id, device, DEVICE_ID_BYTES);
	snprintf(ret, BOUND_SIZE, "%s/%s/%llu/%s/%s", organization, id,
		 (unsigned long long)key->generation, key->kek, kind->name);
}

static int seal_one(struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		    const struct secret *scalar, struct store_key *key)
{
	CLEANUP_FREE uint8_t *sealed = NULL;
	bool is_exchange = kind == &exchange_kind;
	const struct secret *kek;
	char bound[BOUND_SIZE];
	size_t len;
	int r;

	bound_text(kind, device, key, bound);
	r = epochs_kek(keys->epochs, key->kek, &kek);
	if (r == 0)
		r = aead_seal(kek, PURPOSE_DEVICE_KEY, bound, scalar, &sealed, &len);
	if (r < 0)
		return r;
	if (len > SEALED_MAX_BYTES)
		return fail(-E2BIG, "a sealed key has %zu bytes", len);
	memcpy(is_exchange ? key->exchange_sealed : key->signing_sealed, sealed, len);
	*(is_exchange ? &key->exchange_len : &key->signing_len) = len;
	return 0;
}

/* A new private number of this kind: sealed, and its thumbprint. */
static int make_one(struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		    struct store_key *key)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwk = NULL;
	int r;

	r = exchange_generate(keys->exchange, &scalar);
	if (r == 0)
		r = public_jwk(keys->exchange, kind, scalar.data, &jwk);
	if (r == 0)
		r = jwk_thumbprint(jwk, kind == &exchange_kind ? key->exchange_thumbprint
							       : key->signing_thumbprint);
	return r < 0 ? r : seal_one(keys, kind, device, &scalar, key);
}

int keys_make(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
	      struct store_key *ret)
{
	int r;

	snprintf(ret->kek, sizeof(ret->kek), "%s", epochs_present(keys->epochs));
	r = make_one(keys, &exchange_kind, device, ret);
	return r < 0 ? r : make_one(keys, &signing_kind, device, ret);
}

static int open_one(struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		    const struct store_key *key, struct secret *ret)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	bool is_exchange = kind == &exchange_kind;
	const struct secret *kek;
	char bound[BOUND_SIZE];
	int r;

	bound_text(kind, device, key, bound);
	r = epochs_kek(keys->epochs, key->kek, &kek);
	if (r < 0)
		return r;
	r = aead_open(kek, PURPOSE_DEVICE_KEY, bound,
		      is_exchange ? key->exchange_sealed : key->signing_sealed,
		      is_exchange ? key->exchange_len : key->signing_len, &scalar);
	if (r == -EBADMSG || (r == 0 && scalar.len != P521_BYTES))
		return fail(-EIO, "the store is damaged: a device's %s key doesn't open",
			    kind->name);
	if (r < 0)
		return r;
	*ret = scalar;
	scalar = SECRET_EMPTY;
	return 0;
}

int keys_rewrap(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		struct store_key *key)
{
	CLEANUP_SECRET struct secret exchange = SECRET_EMPTY;
	CLEANUP_SECRET struct secret signing = SECRET_EMPTY;
	int r;

	r = open_one(keys, &exchange_kind, device, key, &exchange);
	if (r == 0)
		r = open_one(keys, &signing_kind, device, key, &signing);
	if (r < 0)
		return r;
	snprintf(key->kek, sizeof(key->kek), "%s", epochs_present(keys->epochs));
	r = seal_one(keys, &exchange_kind, device, &exchange, key);
	return r < 0 ? r : seal_one(keys, &signing_kind, device, &signing, key);
}

int keys_exchange(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		  const struct store_key *key, const uint8_t **ret)
{
	/* Device ids are random: their first byte spreads well. */
	size_t at = device[0] % CACHE_SLOTS;
	struct cache_slot *slot = &keys->slots[at];
	uint8_t *number = keys->cached.data + at * P521_BYTES;
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	int r;

	if (slot->generation != key->generation ||
	    memcmp(slot->device, device, sizeof(slot->device)) != 0) {
		r = open_one(keys, &exchange_kind, device, key, &scalar);
		if (r < 0)
			return r;
		memcpy(number, scalar.data, P521_BYTES);
		memcpy(slot->device, device, sizeof(slot->device));
		slot->generation = key->generation;
	}
	*ret = number;
	return 0;
}

static int signer_of(struct keys *keys, const struct secret *signing, json_t **ret)
{
	int r = public_jwk(keys->exchange, &signing_kind, signing->data, ret);

	return r < 0 ? r : add_private(*ret, signing->data);
}

/* The present public keys, signed by the present signing key, and by an older one if given. */
static int sign(struct keys *keys, const struct secret *exchange, const struct secret *signing,
		const struct secret *older, json_t **ret)
{
	CLEANUP_JWK json_t *signer = NULL;
	CLEANUP_JWK json_t *second = NULL;
	CLEANUP_JSON json_t *verify = NULL;
	CLEANUP_JSON json_t *derive_jwk = NULL;
	CLEANUP_JSON json_t *set = NULL;
	int r;

	r = public_jwk(keys->exchange, &signing_kind, signing->data, &verify);
	if (r == 0)
		r = public_jwk(keys->exchange, &exchange_kind, exchange->data, &derive_jwk);
	if (r == 0)
		r = signer_of(keys, signing, &signer);
	if (r == 0 && older->len > 0)
		r = signer_of(keys, older, &second);
	if (r < 0)
		return r;
	set = json_pack("[O, O]", verify, derive_jwk);
	if (!set)
		return fail(-ENOMEM, "out of memory");
	json_t *signers[] = { signer, second };

	return jwk_advertise(signers, second ? 2 : 1, set, ret);
}

int keys_advertise(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		   const struct store_key *key, const struct store_key *older, char **ret)
{
	CLEANUP_SECRET struct secret exchange = SECRET_EMPTY;
	CLEANUP_SECRET struct secret signing = SECRET_EMPTY;
	CLEANUP_SECRET struct secret second = SECRET_EMPTY;
	CLEANUP_JSON json_t *jws = NULL;
	int r;

	r = open_one(keys, &exchange_kind, device, key, &exchange);
	if (r == 0)
		r = open_one(keys, &signing_kind, device, key, &signing);
	if (r == 0 && older)
		r = open_one(keys, &signing_kind, device, older, &second);
	if (r == 0)
		r = sign(keys, &exchange, &signing, &second, &jws);
	return r < 0 ? r : js_print(jws, ret);
}

int keys_hash_enrollment(struct keys *keys, const char key[static ENROLLMENT_KEY_CHARS],
			 uint8_t ret[static SECRET_HASH_BYTES])
{
	return hmac_sha256(epochs_enrollment(keys->epochs), key, ENROLLMENT_KEY_CHARS, ret);
}
