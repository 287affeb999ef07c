/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See keydir.h. The rules of names, uses and permissions are tangd's (docs/compat.md). Keys stay
 * JSON values for as long as one request takes, and are wiped.
 */
#include "server/compat/keydir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/core/exchange.h"

#define NEW_KEY_MODE 0440 /* tangd-keygen's */

struct keydir {
	json_t *keys[KEYDIR_KEYS_MAX];
	bool is_hidden[KEYDIR_KEYS_MAX];
	size_t count, shown;
};

DEFINE_CLEANUP(DIR *, closedir);

void keydir_close(struct keydir *keydir)
{
	for (size_t i = 0; i < keydir->count; i++)
		jwk_cleanup(&keydir->keys[i]);
	free(keydir);
}

static bool is_key_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".jwk") == 0;
}

/* tangd's keys may be read by its group, which secret_read_file() would refuse. */
static int parse_file(const char *file, json_t **ret)
{
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	int r;

	if (fd < 0)
		return -errno;
	r = secret_read_fd(&text, fd, KEYDIR_FILE_MAX_BYTES);
	return r < 0 ? r : js_parse((const char *)text.data, text.len, KEYDIR_FILE_MAX_BYTES, ret);
}

static int read_key(struct keydir *keydir, const char *path, const char *name)
{
	CLEANUP_FREE char *file = NULL;
	CLEANUP_JWK json_t *key = NULL;
	int r;

	if (keydir->count == KEYDIR_KEYS_MAX)
		return fail(-E2BIG, "%s holds more than %d keys", path, KEYDIR_KEYS_MAX);
	r = text_format(&file, "%s/%s", path, name);
	if (r < 0)
		return r;
	if (parse_file(file, &key) < 0 || !json_is_object(key)) {
		log_warning("%s holds no key: left out", file);
		return 0;
	}
	keydir->is_hidden[keydir->count] = name[0] == '.';
	if (name[0] != '.')
		keydir->shown++;
	keydir->keys[keydir->count++] = TAKE_PTR(key);
	return 0;
}

static int read_all(struct keydir *keydir, const char *path)
{
	CLEANUP(closedirp) DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return fail(-errno, "can't read %s: %m", path);
	while (r == 0 && (entry = readdir(dir))) {
		if (is_key_file(entry->d_name))
			r = read_key(keydir, path, entry->d_name);
	}
	return r;
}

static int make_key(const char *path, const char *alg)
{
	CLEANUP_JWK json_t *key = NULL;
	CLEANUP_FREE char *file = NULL;
	CLEANUP_FREE char *text = NULL;
	char thumbprint[JWK_THUMBPRINT_SIZE];
	int r;

	r = jwk_generate(alg, &key);
	if (r == 0)
		r = jwk_thumbprint(key, thumbprint);
	if (r == 0)
		r = text_format(&file, "%s/%s.jwk", path, thumbprint);
	if (r == 0)
		r = js_print(key, &text);
	if (r < 0)
		return r;
	r = file_replace_text(file, text, NEW_KEY_MODE);
	secret_wipe(text, strlen(text));
	return r;
}

int keydir_open(const char *path, struct keydir **ret)
{
	CLEANUP(keydir_closep) struct keydir *keydir = calloc(1, sizeof(*keydir));
	int r;

	if (!keydir)
		return fail(-ENOMEM, "out of memory");
	r = read_all(keydir, path);
	if (r == 0 && keydir->shown == 0) {
		keydir_close(TAKE_PTR(keydir));
		keydir = calloc(1, sizeof(*keydir));
		if (!keydir)
			return fail(-ENOMEM, "out of memory");
		r = make_key(path, "ES512");
		if (r == 0)
			r = make_key(path, "ECMR");
		if (r == 0)
			r = read_all(keydir, path);
	}
	if (r == 0)
		*ret = TAKE_PTR(keydir);
	return r;
}

static const json_t *find(const struct keydir *keydir, const char *thumbprint)
{
	for (size_t i = 0; i < keydir->count; i++) {
		if (jwk_has_thumbprint(keydir->keys[i], thumbprint))
			return keydir->keys[i];
	}
	return NULL;
}

static bool is_signer(const json_t *key)
{
	return jwk_allows(key, "sign", false) && jwk_allows(key, "verify", false);
}

int keydir_advertise(const struct keydir *keydir, const char *thumbprint, char **ret)
{
	json_t *signers[KEYDIR_KEYS_MAX + 1];
	CLEANUP_JSON json_t *shown = json_array();
	CLEANUP_JSON json_t *jws = NULL;
	size_t count = 0;
	int r;

	for (size_t i = 0; i < keydir->count; i++) {
		json_t *key = keydir->keys[i];

		if (keydir->is_hidden[i] ||
		    (!is_signer(key) && !jwk_allows(key, "deriveKey", false)))
			continue;
		if (is_signer(key))
			signers[count++] = key;
		if (json_array_append(shown, key) < 0)
			return fail(-ENOMEM, "out of memory");
	}
	if (count == 0)
		return fail(-ENOKEY, "no key that is shown can sign: run tangd-keygen");
	if (thumbprint[0]) {
		const json_t *key = find(keydir, thumbprint);

		if (!key || !jwk_allows(key, "sign", false))
			return KEYDIR_NOT_FOUND;
		signers[count++] = (json_t *)(uintptr_t)key;
	}
	r = jwk_advertise(signers, count, shown, &jws);
	return r < 0 ? r : js_print(jws, ret);
}

int keydir_exchange_key(const struct keydir *keydir, const char *thumbprint, struct secret *ret)
{
	const json_t *key = find(keydir, thumbprint);
	CLEANUP_FREE uint8_t *number = NULL;
	const char *text, *curve, *alg;
	size_t len;
	int r;

	if (!key)
		return KEYDIR_NOT_FOUND;
	if (!jwk_allows(key, "deriveKey", true) || js_string(key, "d", &text) < 0 ||
	    js_string(key, "crv", &curve) < 0 || strcmp(curve, "P-521") != 0 ||
	    js_string_or(key, "alg", "ECMR", &alg) < 0 || strcmp(alg, "ECMR") != 0)
		return KEYDIR_OTHER_USE;
	r = b64url_decode(text, P521_BYTES, &number, &len);
	if (r < 0 || len != P521_BYTES)
		return KEYDIR_OTHER_USE;
	r = secret_copy(ret, number, len);
	secret_wipe(number, len);
	return r;
}
