/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The providers. Two of them keep files in the server's folder and differ in what is inside.
 */
#include "server/core/kek.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "server/core/pkcs11.h"

#define FILE_MAX_BYTES 4096

struct provider {
	const char *prefix;
	const char *what; /* for sentences */
	int (*read)(const char *argument, const char *path, struct secret *ret);
	/* NULL: the operator writes, not we */
	int (*write)(const char *argument, const char *path, const struct secret *kek);
	int (*destroy)(const char *argument, const char *path); /* what path needs, not path */
};

/* --- file ------------------------------------------------------------------------------------ */

static int check_length(const struct secret *kek, const char *path)
{
	if (kek->len != KEK_BYTES)
		return fail(-EINVAL, "%s must be exactly %d bytes: restore a backup of it", path,
			    KEK_BYTES);
	return 0;
}

static int read_plain(const char *argument UNUSED, const char *path, struct secret *ret)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	int r = secret_read_file(&kek, path, KEK_BYTES + 1);

	if (r == -E2BIG)
		r = -EINVAL;
	if (r < 0)
		return fail_at(r, "key-encryption key");
	r = check_length(&kek, path);
	if (r < 0)
		return r;
	*ret = kek;
	kek = SECRET_EMPTY;
	return 0;
}

static int write_plain(const char *argument UNUSED, const char *path, const struct secret *kek)
{
	return file_replace(path, kek->data, kek->len, 0600);
}

/* --- PKCS#11 --------------------------------------------------------------------------------- */

/* {"label":…,"nonce":hex,"sealed":hex} */
struct sealed_file {
	char label[64];
	uint8_t nonce[PKCS11_NONCE_BYTES];
	uint8_t sealed[KEK_BYTES + PKCS11_TAG_BYTES];
};

static int read_sealed_file(const char *path, struct sealed_file *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	const char *nonce, *sealed;
	int r;

	if (!file_exists(path))
		return fail(-ENOENT, "key-encryption key %s is missing", path);
	r = js_read_file(path, FILE_MAX_BYTES, &object);
	if (r == 0)
		r = js_copy(object, "label", ret->label, sizeof(ret->label));
	if (r == 0)
		r = js_string(object, "nonce", &nonce);
	if (r == 0)
		r = text_unhex(ret->nonce, sizeof(ret->nonce), nonce);
	if (r == 0)
		r = js_string(object, "sealed", &sealed);
	if (r == 0)
		r = text_unhex(ret->sealed, sizeof(ret->sealed), sealed);
	return r < 0 ? fail_at(r, "key-encryption key %s", path) : 0;
}

static int read_sealed(const char *argument, const char *path, struct secret *ret)
{
	CLEANUP(pkcs11_closep) struct pkcs11 *token = NULL;
	struct sealed_file file;
	int r;

	r = read_sealed_file(path, &file);
	if (r < 0)
		return r;
	r = pkcs11_open(argument, &token);
	if (r == 0)
		r = pkcs11_unseal(token, file.label, file.nonce, file.sealed, sizeof(file.sealed),
				  ret);
	return r < 0 ? fail_at(r == -ENOENT ? -EIO : r, "key-encryption key %s", path) : 0;
}

static int print_sealed(const struct sealed_file *file, const char *path)
{
	char nonce[2 * sizeof(file->nonce) + 1], sealed[2 * sizeof(file->sealed) + 1];
	CLEANUP_JSON json_t *object = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	text_hex(nonce, file->nonce, sizeof(file->nonce));
	text_hex(sealed, file->sealed, sizeof(file->sealed));
	object = json_pack("{s:s, s:s, s:s}", "label", file->label, "nonce", nonce, "sealed",
			   sealed);
	if (!object)
		return fail(-ENOMEM, "out of memory");
	r = js_print(object, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

/* A key of the token's for each KEK: destroying the one destroys the other. */
static int write_sealed(const char *argument, const char *path, const struct secret *kek)
{
	CLEANUP(pkcs11_closep) struct pkcs11 *token = NULL;
	struct sealed_file file = { .label = "" };
	uint8_t name[8];
	char hex[2 * sizeof(name) + 1];
	int r;

	r = random_bytes(name, sizeof(name));
	if (r == 0)
		r = random_bytes(file.nonce, sizeof(file.nonce));
	if (r < 0)
		return r;
	text_hex(hex, name, sizeof(name));
	snprintf(file.label, sizeof(file.label), "panocrypt-kek-%s", hex);
	r = pkcs11_open(argument, &token);
	if (r == 0)
		r = pkcs11_key_make(token, file.label);
	if (r == 0)
		r = pkcs11_seal(token, file.label, file.nonce, kek, file.sealed);
	return r < 0 ? r : print_sealed(&file, path);
}

static int destroy_sealing_key(const char *argument, const char *path)
{
	CLEANUP(pkcs11_closep) struct pkcs11 *token = NULL;
	struct sealed_file file;
	int r;

	r = read_sealed_file(path, &file);
	if (r == 0)
		r = pkcs11_open(argument, &token);
	return r < 0 ? r : pkcs11_key_destroy(token, file.label);
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct provider providers[] = {
	{ "file", "a file", read_plain, write_plain, NULL },
	{ "credential:", "a credential of systemd", read_plain, NULL, NULL },
	{ "pkcs11:", "a PKCS#11 token", read_sealed, write_sealed, destroy_sealing_key },
};

#define CREDENTIAL (&providers[1])

static int find_provider(const char *setting, const struct provider **ret,
			 const char **ret_argument)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		size_t len = strlen(providers[i].prefix);

		if (!*setting)
			setting = "file";
		if (strncmp(setting, providers[i].prefix, len) != 0)
			continue;
		if (providers[i].prefix[len - 1] != ':' && setting[len])
			continue;
		*ret = &providers[i];
		/* A PKCS#11 URI begins with its scheme. */
		*ret_argument = providers[i].write ? setting : setting + len;
		return 0;
	}
	return fail(-EINVAL, "\"kek\" must be file, credential:NAME or pkcs11:…");
}

int kek_check_setting(const char *setting)
{
	const struct provider *provider;
	const char *argument;
	int r = find_provider(setting, &provider, &argument);

	if (r == 0 && provider == CREDENTIAL && (!*argument || strchr(argument, '/')))
		return fail(-EINVAL, "\"kek\": a credential has a name without slashes");
	return r;
}

static int credential_path(const char *name, enum kek_place place, const char *id,
			   char ret[static CONFIG_PATH_SIZE])
{
	static const char *const ends[] = { "", ".next", ".old-" };
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (!dir || !*dir)
		return fail(
			-ENOENT,
			"CREDENTIALS_DIRECTORY isn't set: the KEK is a credential, which systemd "
			"passes on by LoadCredential=%s or LoadCredentialEncrypted=%s",
			name, name);
	if (snprintf(ret, CONFIG_PATH_SIZE, "%s/%s%s%s", dir, name, ends[place],
		     place == KEK_OLD ? id : "") >= CONFIG_PATH_SIZE)
		return fail(-ENAMETOOLONG, "the credential's path is too long");
	return 0;
}

struct kek_source {
	const struct provider *provider;
	const char *argument;
	char path[CONFIG_PATH_SIZE];
};

static int find(const struct server_config *config, enum kek_place place, const char *id,
		struct kek_source *ret)
{
	int r = find_provider(config->kek, &ret->provider, &ret->argument);

	if (r < 0)
		return r;
	if (ret->provider == CREDENTIAL)
		return credential_path(ret->argument, place, id, ret->path);
	config_path(config->dir, place == KEK_NEXT ? CONFIG_FILE_KEK_NEXT : CONFIG_FILE_KEK,
		    ret->path);
	if (place == KEK_OLD && strlen(ret->path) + strlen(id) + 6 < sizeof(ret->path))
		strcat(strcat(ret->path, ".old-"), id); /* length checked above */
	return 0;
}

int kek_read(const struct server_config *config, enum kek_place place, const char *id,
	     struct secret *ret)
{
	struct kek_source source;
	int r = find(config, place, id, &source);

	return r < 0 ? r : source.provider->read(source.argument, source.path, ret);
}

int kek_make(const struct server_config *config, enum kek_place place, struct secret *ret)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	struct kek_source source;
	int r = find(config, place, "", &source);

	if (r < 0)
		return r;
	if (!source.provider->write) {
		r = source.provider->read(source.argument, source.path, ret);
		return r == -ENOENT ? fail_at(r, "put %d random bytes there first", KEK_BYTES) : r;
	}
	if (file_exists(source.path))
		return fail(-EEXIST, "%s exists: a key that may be in use is never replaced",
			    source.path);
	r = secret_random(&kek, KEK_BYTES);
	if (r == 0)
		r = source.provider->write(source.argument, source.path, &kek);
	if (r < 0)
		return r;
	*ret = kek;
	kek = SECRET_EMPTY;
	return 0;
}

int kek_put(const struct server_config *config, const struct secret *kek)
{
	struct kek_source source;
	int r = find(config, KEK_PRESENT, "", &source);

	if (r < 0)
		return r;
	if (!source.provider->write)
		return fail(-EINVAL, "the KEK is %s: put the key there yourself",
			    source.provider->what);
	if (file_exists(source.path))
		return fail(-EEXIST, "%s exists: a key that may be in use is never replaced",
			    source.path);
	return source.provider->write(source.argument, source.path, kek);
}

static int move(const char *from, const char *to)
{
	char dir[CONFIG_PATH_SIZE];

	if (!file_exists(from))
		return 0;
	if (file_exists(to))
		return fail(-EEXIST, "%s exists: a key that may be in use is never replaced", to);
	if (rename(from, to) < 0)
		return fail(-errno, "%s can't be renamed: %s", from, strerror(errno));
	snprintf(dir, sizeof(dir), "%s", to);
	*strrchr(dir, '/') = '\0'; /* config_path() puts one there */
	return file_sync_dir(dir);
}

int kek_promote(const struct server_config *config, const char *old_id)
{
	struct kek_source present, next, old;
	int r;

	r = find(config, KEK_PRESENT, "", &present);
	if (r == 0)
		r = find(config, KEK_NEXT, "", &next);
	if (r == 0)
		r = find(config, KEK_OLD, old_id, &old);
	if (r < 0 || !present.provider->write)
		return r; /* the operator does it */
	if (!file_exists(next.path))
		return 0; /* done already */
	r = move(present.path, old.path);
	return r < 0 ? r : move(next.path, present.path);
}

/* Overwrites first: on most disks that helps. */
static int shred(const char *path)
{
	static const uint8_t zeros[FILE_MAX_BYTES];
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	r = file_pwrite_all(fd, zeros, MIN((size_t)st.st_size, sizeof(zeros)), 0);
	if (r == 0 && fsync(fd) < 0)
		r = fail(-errno, "%s can't be overwritten: %s", path, strerror(errno));
	return r < 0 ? r : file_remove(path);
}

int kek_destroy(const struct server_config *config, const char *old_id)
{
	struct kek_source old;
	int r = find(config, KEK_OLD, old_id, &old);

	if (r < 0 || !file_exists(old.path))
		return r;
	if (!old.provider->write)
		return fail(-EEXIST, "%s is still there: remove it where systemd takes it from",
			    old.path);
	if (old.provider->destroy)
		r = old.provider->destroy(old.argument, old.path);
	return r < 0 ? r : shred(old.path);
}

int kek_id(const struct secret *kek, char ret[static KEK_ID_CHARS + 1])
{
	static const char label[] = "panocrypt kek id";
	uint8_t id[SHA256_BYTES];
	int r = hmac_sha256(kek, label, strlen(label), id);

	if (r == 0)
		text_hex(ret, id, KEK_ID_CHARS / 2);
	return r;
}
