/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wrapping and unwrapping. All plain private bytes are in struct secret, or for the moment of
 * signing in a JWK that is wiped. What the KEK itself does: seal (aead.h, purpose "device key"),
 * HMAC for its own id and for the key of the enrollment hash.
 */
#include "server/core/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#define PURPOSE_DEVICE_KEY "panocrypt device key"
#define PURPOSE_CHECK "panocrypt kek check"
#define CHECK_TEXT "this store belongs to this key"
#define CHECK_SETTING "kek-check"
#define KEK_ID_BYTES 16

/* Opened exchange numbers: a device has one place, the newest stays. */
#define CACHE_SLOTS 256

struct cache_slot {
	uint8_t device[DEVICE_ID_BYTES];
	uint64_t generation; /* 0: empty */
};

struct keys {
	struct exchange *exchange;
	struct secret kek;
	struct secret enrollment;      /* HMAC key of enrollment hashes */
	char id[2 * KEK_ID_BYTES + 1]; /* of the KEK; tells nothing about it */
	struct secret cached;	       /* CACHE_SLOTS numbers */
	struct cache_slot slots[CACHE_SLOTS];
};

void keys_close(struct keys *keys)
{
	secret_done(&keys->kek);
	secret_done(&keys->enrollment);
	secret_done(&keys->cached);
	free(keys);
}

static int derive(struct keys *keys)
{
	static const char id_label[] = "panocrypt kek id";
	static const char enrollment_label[] = "panocrypt enrollment key hash";
	uint8_t id[SHA256_BYTES];
	int r;

	r = hmac_sha256(&keys->kek, id_label, strlen(id_label), id);
	if (r < 0)
		return r;
	text_hex(keys->id, id, KEK_ID_BYTES);
	r = secret_alloc(&keys->enrollment, SHA256_BYTES);
	if (r < 0)
		return r;
	return hmac_sha256(&keys->kek, enrollment_label, strlen(enrollment_label),
			   keys->enrollment.data);
}

/* With a KEK of its own; everything derived is there. */
static int new_keys(struct secret *kek, struct exchange *exchange, struct keys **ret)
{
	CLEANUP(keys_closep) struct keys *keys = calloc(1, sizeof(*keys));
	int r;

	if (!keys)
		return fail(-ENOMEM, "out of memory");
	keys->exchange = exchange;
	keys->kek = *kek;
	*kek = SECRET_EMPTY;
	r = derive(keys);
	if (r == 0)
		r = secret_alloc(&keys->cached, CACHE_SLOTS * P521_BYTES);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(keys);
	return 0;
}

static int seal_check(struct keys *keys, struct store *store)
{
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	size_t len;
	int r;

	r = secret_copy(&text, CHECK_TEXT, strlen(CHECK_TEXT));
	if (r == 0)
		r = aead_seal(&keys->kek, PURPOSE_CHECK, keys->id, &text, &sealed, &len);
	if (r == 0)
		r = store_begin(store);
	if (r < 0)
		return r;
	r = store_setting_set(store, CHECK_SETTING, sealed, len);
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

int keys_create(const char *kek_path, struct store *store)
{
	CLEANUP(keys_closep) struct keys *keys = NULL;
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	int r;

	if (file_exists(kek_path))
		return fail(-EEXIST, "%s exists: a key that may be in use is never replaced",
			    kek_path);
	r = secret_random(&kek, KEK_BYTES);
	if (r == 0)
		r = file_replace(kek_path, kek.data, kek.len, 0600);
	if (r == 0)
		r = new_keys(&kek, NULL, &keys);
	return r < 0 ? r : seal_check(keys, store);
}

static int check_kek(struct keys *keys, struct store *store, const char *kek_path)
{
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	uint8_t sealed[SEALED_MAX_BYTES];
	size_t len;
	int r;

	r = store_setting(store, CHECK_SETTING, sealed, sizeof(sealed), &len);
	if (r == STORE_NOT_FOUND)
		return fail(-EINVAL, "the store has no check value for its key: restore a backup");
	if (r < 0)
		return r;
	r = aead_open(&keys->kek, PURPOSE_CHECK, keys->id, sealed, len, &text);
	if (r == -EBADMSG)
		return fail(-EKEYREJECTED,
			    "%s isn't the key of this store: restore the right one; "
			    "with another, no device could ever be unlocked",
			    kek_path);
	return r;
}

int keys_open(const char *kek_path, struct store *store, struct exchange *exchange,
	      struct keys **ret)
{
	CLEANUP(keys_closep) struct keys *keys = NULL;
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	int r;

	r = secret_read_file(&kek, kek_path, KEK_BYTES + 1);
	if (r < 0)
		return fail_at(r, "key-encryption key %s", kek_path);
	if (kek.len != KEK_BYTES)
		return fail(-EINVAL, "%s must be exactly %d bytes: restore a backup of it",
			    kek_path, KEK_BYTES);
	r = new_keys(&kek, exchange, &keys);
	if (r == 0)
		r = check_kek(keys, store, kek_path);
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
static void bound_text(const struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		       const struct store_key *key, char ret[static BOUND_SIZE])
{
	char organization[2 * ORGANIZATION_ID_BYTES + 1], id[2 * DEVICE_ID_BYTES + 1];

	text_hex(organization, key->organization, ORGANIZATION_ID_BYTES);
	text_hex(id, device, DEVICE_ID_BYTES);
	snprintf(ret, BOUND_SIZE, "%s/%s/%llu/%s/%s", organization, id,
		 (unsigned long long)key->generation, keys->id, kind->name);
}

/* A new private number of this kind: sealed, and its thumbprint. */
static int make_one(struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		    const struct store_key *key, uint8_t *ret_sealed, size_t *ret_len,
		    char *ret_thumbprint)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	CLEANUP_JSON json_t *jwk = NULL;
	char bound[BOUND_SIZE];
	size_t len;
	int r;

	bound_text(keys, kind, device, key, bound);
	r = exchange_generate(keys->exchange, &scalar);
	if (r == 0)
		r = public_jwk(keys->exchange, kind, scalar.data, &jwk);
	if (r == 0)
		r = jwk_thumbprint(jwk, ret_thumbprint);
	if (r == 0)
		r = aead_seal(&keys->kek, PURPOSE_DEVICE_KEY, bound, &scalar, &sealed, &len);
	if (r < 0)
		return r;
	if (len > SEALED_MAX_BYTES)
		return fail(-E2BIG, "a sealed key has %zu bytes", len);
	memcpy(ret_sealed, sealed, len);
	*ret_len = len;
	return 0;
}

int keys_make(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
	      struct store_key *ret)
{
	int r;

	ret->generation = 1;
	snprintf(ret->kek, sizeof(ret->kek), "%s", keys->id);
	r = make_one(keys, &exchange_kind, device, ret, ret->exchange_sealed, &ret->exchange_len,
		     ret->exchange_thumbprint);
	if (r < 0)
		return r;
	return make_one(keys, &signing_kind, device, ret, ret->signing_sealed, &ret->signing_len,
			ret->signing_thumbprint);
}

static int open_one(struct keys *keys, const struct key_kind *kind, const uint8_t *device,
		    const struct store_key *key, struct secret *ret)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	bool is_exchange = kind == &exchange_kind;
	char bound[BOUND_SIZE];
	int r;

	bound_text(keys, kind, device, key, bound);
	r = aead_open(&keys->kek, PURPOSE_DEVICE_KEY, bound,
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

/* Signs the public keys with the private signing key. */
static int sign(struct keys *keys, const struct secret *exchange, const struct secret *signing,
		json_t **ret)
{
	CLEANUP_JWK json_t *signer = NULL;
	CLEANUP_JSON json_t *verify = NULL;
	CLEANUP_JSON json_t *derive_jwk = NULL;
	CLEANUP_JSON json_t *set = NULL;
	int r;

	r = public_jwk(keys->exchange, &signing_kind, signing->data, &verify);
	if (r == 0)
		r = public_jwk(keys->exchange, &exchange_kind, exchange->data, &derive_jwk);
	if (r < 0)
		return r;
	set = json_pack("[O, O]", verify, derive_jwk);
	signer = json_deep_copy(verify);
	if (!set || !signer)
		return fail(-ENOMEM, "out of memory");
	r = add_private(signer, signing->data);
	return r < 0 ? r : jwk_advertise(&signer, 1, set, ret);
}

int keys_advertise(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		   const struct store_key *key, char **ret)
{
	CLEANUP_SECRET struct secret exchange = SECRET_EMPTY;
	CLEANUP_SECRET struct secret signing = SECRET_EMPTY;
	CLEANUP_JSON json_t *jws = NULL;
	int r;

	r = open_one(keys, &exchange_kind, device, key, &exchange);
	if (r == 0)
		r = open_one(keys, &signing_kind, device, key, &signing);
	if (r == 0)
		r = sign(keys, &exchange, &signing, &jws);
	return r < 0 ? r : js_print(jws, ret);
}

int keys_hash_enrollment(struct keys *keys, const char key[static ENROLLMENT_KEY_CHARS],
			 uint8_t ret[static SECRET_HASH_BYTES])
{
	return hmac_sha256(&keys->enrollment, key, ENROLLMENT_KEY_CHARS, ret);
}
