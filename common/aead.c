/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-256-GCM under a derived key, hashes, random bytes: the only file of common/ that includes
 * OpenSSL's EVP. HKDF: RFC 5869, with the purpose as info and no salt (the keys given are random,
 * not passwords).
 */
#include "common/aead.h"

#include "common/err.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <string.h>
#include <sys/random.h>

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define AEAD_KEY_BYTES 32
#define AEAD_KEY_MIN_BYTES 16

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free);
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free);

/* OpenSSL takes non-const pointers for parameters that it only reads. */
static void *unconst(const void *p)
{
	return (void *)(uintptr_t)p;
}

int random_bytes(void *ret, size_t len)
{
	uint8_t *to = ret;

	while (len > 0) {
		ssize_t n = getrandom(to, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "no random bytes from the kernel: %s", strerror(errno));
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

bool bytes_equal_ct(const void *a, const void *b, size_t len)
{
	return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

int sha256(const void *data, size_t len, uint8_t ret[static SHA256_BYTES])
{
	if (!EVP_Digest(data, len, ret, NULL, EVP_sha256(), NULL))
		return fail(-EIO, "SHA-256 failed in OpenSSL");
	return 0;
}

int hmac_sha256(const struct secret *key, const void *data, size_t len,
		uint8_t ret[static SHA256_BYTES])
{
	unsigned done = 0;

	if (key->len == 0 || !HMAC(EVP_sha256(), key->data, (int)key->len, data, len, ret, &done))
		return fail(-EIO, "HMAC-SHA256 failed in OpenSSL");
	return 0;
}

static int derive(const struct secret *key, const char *purpose, struct secret *ret)
{
	CLEANUP(EVP_KDF_freep) EVP_KDF *kdf = NULL;
	CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = NULL;
	CLEANUP_SECRET struct secret derived = SECRET_EMPTY;
	OSSL_PARAM params[4];
	int r;

	if (key->len < AEAD_KEY_MIN_BYTES)
		return fail(-EINVAL, "a sealing key of %zu bytes is too short", key->len);
	r = secret_alloc(&derived, AEAD_KEY_BYTES);
	if (r < 0)
		return r;
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, unconst("SHA256"), 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->data, key->len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(purpose),
						      strlen(purpose));
	params[3] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_KDF_derive(ctx, derived.data, derived.len, params) <= 0)
		return fail(-EIO, "HKDF failed in OpenSSL");
	*ret = derived;
	derived = SECRET_EMPTY;
	return 0;
}

/* A cipher context with key, nonce and the bound text set; encrypting or decrypting. */
static int begin(EVP_CIPHER_CTX **ret, bool is_sealing, const struct secret *key,
		 const uint8_t *nonce, const char *bound)
{
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done;

	if (!ctx || !EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, nonce, is_sealing))
		return fail(-EIO, "AES-256-GCM failed in OpenSSL");
	if (bound && *bound &&
	    !EVP_CipherUpdate(ctx, NULL, &done, (const uint8_t *)bound, (int)strlen(bound)))
		return fail(-EIO, "AES-256-GCM failed in OpenSSL");
	*ret = TAKE_PTR(ctx);
	return 0;
}

int aead_seal(const struct secret *key, const char *purpose, const char *bound,
	      const struct secret *plain, uint8_t **ret, size_t *ret_len)
{
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
	CLEANUP_SECRET struct secret derived = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	size_t len = plain->len + AEAD_OVERHEAD;
	uint8_t *text, *tag;
	int r, done;

	r = derive(key, purpose, &derived);
	if (r < 0)
		return r;
	sealed = malloc(len);
	if (!sealed)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	text = sealed + NONCE_BYTES;
	tag = text + plain->len;
	r = random_bytes(sealed, NONCE_BYTES);
	if (r < 0)
		return r;
	r = begin(&ctx, true, &derived, sealed, bound);
	if (r < 0)
		return r;
	if (!EVP_CipherUpdate(ctx, text, &done, plain->data, (int)plain->len) ||
	    !EVP_CipherFinal_ex(ctx, text + done, &done) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag))
		return fail(-EIO, "AES-256-GCM failed in OpenSSL");
	*ret = TAKE_PTR(sealed);
	*ret_len = len;
	return 0;
}

int aead_open(const struct secret *key, const char *purpose, const char *bound, const void *sealed,
	      size_t len, struct secret *ret)
{
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
	CLEANUP_SECRET struct secret derived = SECRET_EMPTY, plain = SECRET_EMPTY;
	const uint8_t *nonce = sealed, *text = nonce + NONCE_BYTES;
	uint8_t tag[TAG_BYTES];
	int r, done;

	fail_clear(); /* -EBADMSG comes without a sentence: the caller knows what was sealed */
	if (len <= AEAD_OVERHEAD || len > MIB)
		return -EBADMSG;
	r = derive(key, purpose, &derived);
	if (r < 0)
		return r;
	r = secret_alloc(&plain, len - AEAD_OVERHEAD);
	if (r < 0)
		return r;
	r = begin(&ctx, false, &derived, nonce, bound);
	if (r < 0)
		return r;
	memcpy(tag, text + plain.len, TAG_BYTES);
	if (!EVP_CipherUpdate(ctx, plain.data, &done, text, (int)plain.len) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) ||
	    EVP_CipherFinal_ex(ctx, plain.data + done, &done) <= 0)
		return -EBADMSG;
	*ret = plain;
	plain = SECRET_EMPTY;
	return 0;
}
