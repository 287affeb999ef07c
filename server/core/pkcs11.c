/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * p11-kit loads the module and reads the URI; the calls are those of PKCS#11 2.40. One session, one
 * token, no threads. The module is finalized and unloaded at the end.
 */
#include "server/core/pkcs11.h"

#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define SLOTS_MAX 64
#define PIN_MAX_BYTES 256
#define AES_KEY_BYTES 32

struct pkcs11 {
	P11KitUri *uri;
	CK_FUNCTION_LIST *module;
	bool is_initialized, has_session;
	CK_SESSION_HANDLE session;
};

static int failed(CK_RV rv, const char *what)
{
	int r = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_EXPIRED ? -EACCES
											 : -EIO;

	return fail(r, "the PKCS#11 token can't %s: %s", what, p11_kit_strerror(rv));
}

void pkcs11_close(struct pkcs11 *token)
{
	if (token->has_session)
		token->module->C_CloseSession(token->session);
	if (token->is_initialized)
		p11_kit_module_finalize(token->module);
	if (token->module)
		p11_kit_module_release(token->module);
	if (token->uri)
		p11_kit_uri_free(token->uri);
	free(token);
}

/* --- opening --------------------------------------------------------------------------------- */

static int parse_uri(struct pkcs11 *token, const char *uri)
{
	int code;

	token->uri = p11_kit_uri_new();
	if (!token->uri)
		return fail(-ENOMEM, "out of memory");
	code = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, token->uri);
	if (code != P11_KIT_URI_OK)
		return fail(-EINVAL, "the PKCS#11 URI isn't one: %s", p11_kit_uri_message(code));
	if (p11_kit_uri_get_pin_value(token->uri))
		return fail(-EINVAL,
			    "the PKCS#11 URI has a PIN in it: write it to a file that only "
			    "the server's user can read, and name that as "
			    "pin-source=file:/PATH");
	if (!p11_kit_uri_get_module_path(token->uri))
		return fail(-EINVAL, "the PKCS#11 URI must name the module: module-path=/PATH.so");
	return 0;
}

static int load_module(struct pkcs11 *token)
{
	const char *path = p11_kit_uri_get_module_path(token->uri);
	CK_RV rv;

	token->module = p11_kit_module_load(path, 0);
	if (!token->module)
		return fail(-ENOENT, "the PKCS#11 module %s can't be loaded: %s", path,
			    p11_kit_message() ? p11_kit_message() : "no such file");
	rv = p11_kit_module_initialize(token->module);
	if (rv != CKR_OK)
		return failed(rv, "be initialized");
	token->is_initialized = true;
	return 0;
}

/* Exactly one token must be meant. */
static int find_slot(struct pkcs11 *token, CK_SLOT_ID *ret)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, found = 0;
	CK_TOKEN_INFO info;
	CK_RV rv = token->module->C_GetSlotList(CK_TRUE, slots, &count);

	if (rv != CKR_OK)
		return failed(rv, "be listed");
	for (CK_ULONG i = 0; i < count; i++) {
		if (token->module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !p11_kit_uri_match_token_info(token->uri, &info))
			continue;
		*ret = slots[i];
		found++;
	}
	if (found == 1)
		return 0;
	return fail(
		found ? -EINVAL : -ENOENT,
		"%lu PKCS#11 tokens fit the URI: it must name one, by token= or serial=", found);
}

static int read_pin(const struct pkcs11 *token, struct secret *ret)
{
	const char *source = p11_kit_uri_get_pin_source(token->uri);
	int r;

	if (!source || (strncmp(source, "file:", 5) != 0 && source[0] != '/'))
		return fail(-EINVAL, "the PKCS#11 URI must name the PIN's file: "
				     "pin-source=file:/PATH");
	r = secret_read_file(ret, source[0] == '/' ? source : source + 5, PIN_MAX_BYTES);
	if (r < 0)
		return fail_at(r, "the token's PIN");
	secret_trim_newline(ret);
	return 0;
}

static int log_in(struct pkcs11 *token, CK_SLOT_ID slot)
{
	CLEANUP_SECRET struct secret pin = SECRET_EMPTY;
	CK_RV rv;
	int r = read_pin(token, &pin);

	if (r < 0)
		return r;
	rv = token->module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
					  &token->session);
	if (rv != CKR_OK)
		return failed(rv, "be opened");
	token->has_session = true;
	rv = token->module->C_Login(token->session, CKU_USER, pin.data, pin.len);
	return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? 0 : failed(rv, "take the PIN");
}

int pkcs11_open(const char *uri, struct pkcs11 **ret)
{
	CLEANUP(pkcs11_closep) struct pkcs11 *token = calloc(1, sizeof(*token));
	CK_SLOT_ID slot;
	int r;

	if (!token)
		return fail(-ENOMEM, "out of memory");
	r = parse_uri(token, uri);
	if (r == 0)
		r = load_module(token);
	if (r == 0)
		r = find_slot(token, &slot);
	if (r == 0)
		r = log_in(token, slot);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(token);
	return 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE aes = CKK_AES;

/* The module only reads them. */
static void *unconst(const void *p)
{
	return (void *)(uintptr_t)p;
}

int pkcs11_key_make(struct pkcs11 *token, const char *label)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = AES_KEY_BYTES;
	CK_ATTRIBUTE attributes[] = {
		{ CKA_CLASS, &secret_key, sizeof(secret_key) },
		{ CKA_KEY_TYPE, &aes, sizeof(aes) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_LABEL, unconst(label), strlen(label) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) },
		{ CKA_DECRYPT, &yes, sizeof(yes) },
	};
	CK_OBJECT_HANDLE handle;
	CK_RV rv = token->module->C_GenerateKey(token->session, &mechanism, attributes,
						ARRAY_SIZE(attributes), &handle);

	return rv == CKR_OK ? 0 : failed(rv, "make a key");
}

/* -ENOENT with a sentence. */
static int find_key(struct pkcs11 *token, const char *label, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE attributes[] = {
		{ CKA_CLASS, &secret_key, sizeof(secret_key) },
		{ CKA_LABEL, unconst(label), strlen(label) },
	};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;
	CK_RV rv = token->module->C_FindObjectsInit(token->session, attributes,
						    ARRAY_SIZE(attributes));

	if (rv != CKR_OK)
		return failed(rv, "look for a key");
	rv = token->module->C_FindObjects(token->session, found, ARRAY_SIZE(found), &count);
	token->module->C_FindObjectsFinal(token->session);
	if (rv != CKR_OK)
		return failed(rv, "look for a key");
	if (count != 1)
		return fail(-ENOENT,
			    "the PKCS#11 token has %lu keys named \"%s\", not one: is it the "
			    "right token?",
			    count, label);
	*ret = found[0];
	return 0;
}

int pkcs11_key_destroy(struct pkcs11 *token, const char *label)
{
	CK_OBJECT_HANDLE handle;
	CK_RV rv;
	int r = find_key(token, label, &handle);

	if (r == -ENOENT) {
		fail_clear();
		return 0;
	}
	if (r < 0)
		return r;
	rv = token->module->C_DestroyObject(token->session, handle);
	return rv == CKR_OK ? 0 : failed(rv, "destroy a key");
}

/* --- sealing --------------------------------------------------------------------------------- */

static CK_GCM_PARAMS gcm(const uint8_t *nonce, const char *label)
{
	return (CK_GCM_PARAMS){ .pIv = unconst(nonce),
				.ulIvLen = PKCS11_NONCE_BYTES,
				.ulIvBits = PKCS11_NONCE_BYTES * 8,
				.pAAD = unconst(label),
				.ulAADLen = strlen(label),
				.ulTagBits = PKCS11_TAG_BYTES * 8 };
}

int pkcs11_seal(struct pkcs11 *token, const char *label,
		const uint8_t nonce[static PKCS11_NONCE_BYTES], const struct secret *plain,
		uint8_t *ret)
{
	CK_GCM_PARAMS params = gcm(nonce, label);
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	CK_ULONG len = plain->len + PKCS11_TAG_BYTES;
	CK_OBJECT_HANDLE key;
	CK_RV rv;
	int r = find_key(token, label, &key);

	if (r < 0)
		return r;
	rv = token->module->C_EncryptInit(token->session, &mechanism, key);
	if (rv == CKR_OK)
		rv = token->module->C_Encrypt(token->session, plain->data, plain->len, ret, &len);
	if (rv != CKR_OK)
		return failed(rv, "seal by AES-GCM");
	return len == plain->len + PKCS11_TAG_BYTES
		       ? 0
		       : fail(-EIO, "the PKCS#11 token sealed %lu bytes", len);
}

int pkcs11_unseal(struct pkcs11 *token, const char *label,
		  const uint8_t nonce[static PKCS11_NONCE_BYTES], const uint8_t *sealed, size_t len,
		  struct secret *ret)
{
	CLEANUP_SECRET struct secret plain = SECRET_EMPTY;
	CK_GCM_PARAMS params = gcm(nonce, label);
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	CK_OBJECT_HANDLE key;
	CK_ULONG done = len;
	CK_RV rv;
	int r = find_key(token, label, &key);

	if (r == 0)
		r = secret_alloc(&plain, len); /* with room for what a module writes too much */
	if (r < 0)
		return r;
	rv = token->module->C_DecryptInit(token->session, &mechanism, key);
	if (rv == CKR_OK)
		rv = token->module->C_Decrypt(token->session, unconst(sealed), len, plain.data,
					      &done);
	if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
	    rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
		return fail(-EBADMSG,
			    "what the PKCS#11 token is to open wasn't sealed by it, or was "
			    "changed");
	if (rv != CKR_OK)
		return failed(rv, "open by AES-GCM");
	if (done + PKCS11_TAG_BYTES != len)
		return fail(-EIO, "the PKCS#11 token opened %lu bytes", done);
	plain.len = done;
	*ret = plain;
	plain = SECRET_EMPTY;
	return 0;
}
