/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing of small secrets at rest: AES-256-GCM with a random 96-bit nonce, key derived by
 * HKDF-SHA256 from the given key and a purpose, so that one key never serves two purposes. Layout:
 * nonce (12) | ciphertext | tag (16). Also here because it is the same library: SHA-256,
 * HMAC-SHA256, random bytes. The only door to OpenSSL's EVP in common/.
 */
#pragma once

#include "common/secret.h"

#define AEAD_OVERHEAD 28
#define SHA256_BYTES 32

/* Seals plain under key; purpose is a constant text, bound (may be NULL) is authenticated with it.
 * The caller frees *ret. */
int aead_seal(const struct secret *key, const char *purpose, const char *bound,
	      const struct secret *plain, uint8_t **ret, size_t *ret_len) MUST_CHECK;

/* Opens it. -EBADMSG (with no sentence) when key, purpose, bound text or bytes aren't the same. */
int aead_open(const struct secret *key, const char *purpose, const char *bound, const void *sealed,
	      size_t len, struct secret *ret) MUST_CHECK;

int sha256(const void *data, size_t len, uint8_t ret[static SHA256_BYTES]) MUST_CHECK;
int hmac_sha256(const struct secret *key, const void *data, size_t len,
		uint8_t ret[static SHA256_BYTES]) MUST_CHECK;
int random_bytes(void *ret, size_t len) MUST_CHECK;
bool bytes_equal_ct(const void *a, const void *b, size_t len);
