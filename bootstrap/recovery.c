/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes, seals, opens and hands over the generated recovery passphrase. It is in the clear in
 * locked memory and, at the end, in one file of root's on the encrypted disk.
 */
#include "bootstrap/recovery.h"

#include "common/aead.h"
#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TOKEN_TYPE "panocrypt-recovery"
#define PURPOSE "panocrypt recovery passphrase"
#define SEALED_MAX_BYTES 1024

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */

int recovery_generate(struct secret *ret)
{
	CLEANUP_SECRET struct secret random = SECRET_EMPTY;
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	size_t used = 0;
	int r;

	r = secret_random(&random, RECOVERY_GROUPS * RECOVERY_GROUP_CHARS);
	if (r == 0)
		r = secret_alloc(&text, RECOVERY_CHARS);
	if (r < 0)
		return r;
	for (size_t i = 0; i < text.len; i++) {
		if (i % (RECOVERY_GROUP_CHARS + 1) == RECOVERY_GROUP_CHARS)
			text.data[i] = '-';
		else /* 256 is a multiple of 32: no character is likelier than another */
			text.data[i] = (uint8_t)alphabet[random.data[used++] % 32];
	}
	*ret = text;
	text = SECRET_EMPTY;
	return 0;
}

int recovery_seal(const struct luks_where *where, const struct secret *volume_key,
		  const struct secret *passphrase)
{
	struct luks_status status;
	CLEANUP_FREE uint8_t *sealed = NULL;
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *token = NULL;
	size_t len = 0;
	int r;

	r = luks_look(where, &status);
	if (r == 0)
		r = aead_seal(volume_key, PURPOSE, status.uuid, passphrase, &sealed, &len);
	if (r == 0)
		r = b64url_encode(sealed, len, &text);
	if (r < 0)
		return r;
	token = json_pack("{s:s, s:[], s:s}", "type", TOKEN_TYPE, "keyslots", "sealed", text);
	if (!token)
		return fail(-ENOMEM, "out of memory: free some and run again");
	return luks_token_set(where, token);
}

int recovery_open(const struct luks_where *where, const struct secret *volume_key,
		  struct secret *ret)
{
	struct luks_status status;
	CLEANUP_JSON json_t *token = NULL;
	CLEANUP_FREE uint8_t *sealed = NULL;
	const char *text;
	size_t len = 0;
	int r;

	r = luks_token_get(where, TOKEN_TYPE, &token);
	if (r == 0)
		r = luks_look(where, &status);
	if (r < 0)
		return r;
	r = js_string(token, "sealed", &text);
	if (r == 0)
		r = b64url_decode(text, SEALED_MAX_BYTES, &sealed, &len);
	if (r < 0)
		return fail_at(r, "the recovery token of %s", where->header);
	r = aead_open(volume_key, PURPOSE, status.uuid, sealed, len, ret);
	if (r == -EBADMSG)
		return fail(r, "the recovery token of %s was not sealed for this volume",
			    where->header);
	return r;
}

int recovery_forget(const struct luks_where *where)
{
	return luks_token_remove(where, TOKEN_TYPE);
}

/* 0: the same text stands there; -EEXIST: something else does; -ENOENT: nothing. */
static int compare_file(const char *path, const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret found = SECRET_EMPTY;
	int r;

	if (access(path, F_OK) < 0)
		return -ENOENT;
	r = secret_read_file(&found, path, 4096);
	if (r < 0 && r != -ENODATA)
		return r;
	if (r == 0)
		secret_trim_newline(&found);
	if (r == 0 && secret_equal(&found, passphrase))
		return 0;
	return fail(-EEXIST, "%s exists and holds something else: move it away and run again",
		    path);
}

/* The text is written under another name, and linked to its own only when whole: link(2) replaces
 * nothing. */
static int write_new(const char *part, const char *path, const struct secret *passphrase)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (unlink(part) < 0 && errno != ENOENT)
		return fail(-errno, "removing %s: %s", part, strerror(errno));
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "making %s: %s", part, strerror(errno));
	r = file_write_all(fd, passphrase->data, passphrase->len);
	if (r == 0)
		r = file_write_all(fd, "\n", 1);
	if (r == 0 && (fsync(fd) < 0 || link(part, path) < 0))
		r = fail(-errno, "writing %s: %s", path, strerror(errno));
	unlink(part);
	return r;
}

int recovery_write_file(const char *path, const struct secret *passphrase)
{
	CLEANUP_FREE char *part = NULL;
	CLEANUP_FREE char *folder = NULL;
	const char *slash = strrchr(path, '/');
	int r;

	if (!slash)
		return fail(-EINVAL, "%s: give the whole path", path);
	r = compare_file(path, passphrase);
	if (r != -ENOENT)
		return r;
	r = text_format(&part, "%s.part", path);
	if (r == 0)
		r = text_format(&folder, "%.*s", (int)MAX(slash - path, 1), path);
	if (r == 0)
		r = write_new(part, path, passphrase);
	return r < 0 ? r : file_sync_dir(folder);
}
