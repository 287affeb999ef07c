/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to PKCS#11, through p11-kit: a token seals a few bytes with an AES key that never
 * leaves it. Used at the start and by the operator's commands; nothing of it stays loaded. Tokens
 * are named by a PKCS#11 URI (RFC 7512) with module-path and pin-source=file:/PATH.
 */
#pragma once

#include "common/secret.h"

#define PKCS11_NONCE_BYTES 12
#define PKCS11_TAG_BYTES 16

struct pkcs11;

/* Loads the module, finds the token, logs in. */
int pkcs11_open(const char *uri, struct pkcs11 **ret) MUST_CHECK;
void pkcs11_close(struct pkcs11 *token);
DEFINE_CLEANUP(struct pkcs11 *, pkcs11_close);

/* Makes an AES-256 key that can't be read out, under this label. */
int pkcs11_key_make(struct pkcs11 *token, const char *label) MUST_CHECK;

/* Destroys it. A missing one is 0. */
int pkcs11_key_destroy(struct pkcs11 *token, const char *label) MUST_CHECK;

/* AES-GCM by the labelled key, which is also what the bytes are bound to. ret: plain->len +
 * PKCS11_TAG_BYTES. */
int pkcs11_seal(struct pkcs11 *token, const char *label,
		const uint8_t nonce[static PKCS11_NONCE_BYTES], const struct secret *plain,
		uint8_t *ret) MUST_CHECK;

/* -EBADMSG: not sealed by this key; -ENOENT: the token has no such key. Each with a sentence. */
int pkcs11_unseal(struct pkcs11 *token, const char *label,
		  const uint8_t nonce[static PKCS11_NONCE_BYTES], const uint8_t *sealed, size_t len,
		  struct secret *ret) MUST_CHECK;
