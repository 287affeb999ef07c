/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which files go into a backup, and how they come out. config.json comes last: a folder without it
 * isn't a server yet.
 */
#include "server/core/backup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/file.h"

#define PURPOSE "panocrypt backup"
#define FILE_MAX_BYTES (64 * KIB)

static const struct packed {
	enum config_file file;
	const char *name; /* in the backup */
	bool is_secret;
} files[] = {
	{ CONFIG_FILE_CA, "ca.pem", false },
	{ CONFIG_FILE_CA_KEY, "ca.key", true },
	{ CONFIG_FILE_AUDIT_KEY, "audit.jwk", true },
	{ CONFIG_FILE_AUDIT_PUBLIC, "audit.pub.jwk", false },
	{ CONFIG_FILE_CONFIG, "config.json", false },
};

/* --- into ------------------------------------------------------------------------------------ */

static int present_kek(const struct epochs *epochs, const struct secret **ret)
{
	return epochs_kek(epochs, epochs_present(epochs), ret);
}

static int pack_secret(struct store *backup, const struct epochs *epochs, const char *path,
		       const char *name)
{
	CLEANUP_SECRET struct secret plain = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	const struct secret *kek;
	size_t len;
	int r = secret_read_file(&plain, path, FILE_MAX_BYTES);

	if (r == 0)
		r = present_kek(epochs, &kek);
	if (r == 0)
		r = aead_seal(kek, PURPOSE, name, &plain, &sealed, &len);
	return r < 0 ? r : store_backup_file_put(backup, name, sealed, len);
}

static int pack_one(struct store *backup, const struct epochs *epochs, const char *dir,
		    const struct packed *packed)
{
	CLEANUP_FREE char *data = NULL;
	char path[CONFIG_PATH_SIZE];
	size_t len;
	int r;

	config_path(dir, packed->file, path);
	if (packed->is_secret)
		return pack_secret(backup, epochs, path, packed->name);
	r = file_read(path, FILE_MAX_BYTES, &data, &len);
	if (r == -ENOENT)
		return fail(r, "%s is missing: restore a copy of it", path);
	return r < 0 ? r : store_backup_file_put(backup, packed->name, data, len);
}

int backup_make(const struct server_config *config, struct store *store, const char *path)
{
	CLEANUP(epochs_closep) struct epochs *epochs = NULL;
	CLEANUP(store_closep) struct store *backup = NULL;
	int r;

	r = epochs_open(config, store, &epochs);
	if (r == 0)
		r = store_copy(store, path);
	if (r == 0)
		r = store_open(path, "operator", &backup);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = pack_one(backup, epochs, config->dir, &files[i]);
	return r <= 0 ? r : fail(-EIO, "the copy isn't as it should be");
}

/* --- out of ---------------------------------------------------------------------------------- */

static int get(struct store *store, const char *name, void **ret, size_t *ret_len)
{
	int r = store_backup_file_get(store, name, ret, ret_len);

	return r <= 0 ? r
		      : fail(-EINVAL,
			     "it has no %s: is it a backup that \"panocryptd backup\" "
			     "made?",
			     name);
}

static int unpack_one(struct store *store, const struct epochs *epochs, const char *dir,
		      const struct packed *packed)
{
	CLEANUP_SECRET struct secret plain = SECRET_EMPTY;
	CLEANUP_FREE void *bytes = NULL;
	const struct secret *kek;
	char path[CONFIG_PATH_SIZE];
	size_t len;
	int r = get(store, packed->name, &bytes, &len);

	if (r < 0)
		return r;
	config_path(dir, packed->file, path);
	if (!packed->is_secret)
		return file_replace(path, bytes, len, 0644);
	r = present_kek(epochs, &kek);
	if (r == 0)
		r = aead_open(kek, PURPOSE, packed->name, bytes, len, &plain);
	if (r == -EBADMSG)
		return fail(r, "the backup is damaged: %s doesn't open", packed->name);
	return r < 0 ? r : file_replace(path, plain.data, plain.len, 0600);
}

static int read_config(struct store *store, const char *dir, struct server_config *ret)
{
	CLEANUP_FREE void *bytes = NULL;
	size_t len;
	int r = get(store, "config.json", &bytes, &len);

	return r < 0 ? r : config_parse(bytes, len, dir, ret);
}

/* As it was, but for a store at a place of its own: it is in the folder now. */
static int unpack_config(struct store *store, const struct epochs *epochs, const char *path,
			 struct server_config *config)
{
	CLEANUP_FREE char *text = NULL;
	char place[CONFIG_PATH_SIZE];
	int r;

	if (strcmp(config->store, path) == 0)
		return unpack_one(store, epochs, config->dir, &files[ARRAY_SIZE(files) - 1]);
	r = config_set_store(config, NULL, NULL);
	if (r == 0)
		r = config_print(config, &text);
	config_path(config->dir, CONFIG_FILE_CONFIG, place);
	return r < 0 ? r : file_replace_text(place, text, 0644);
}

int backup_unpack(const char *dir, struct server_config *ret)
{
	CLEANUP(epochs_closep) struct epochs *epochs = NULL;
	CLEANUP(store_closep) struct store *store = NULL;
	char path[CONFIG_PATH_SIZE];
	int r;

	config_path(dir, CONFIG_FILE_STORE, path);
	r = store_open(path, "operator", &store);
	if (r == 0)
		r = read_config(store, dir, ret);
	if (r == 0)
		r = epochs_open(ret, store, &epochs);
	/* Before anything else: however this ends, the store isn't believed. */
	if (r == 0)
		r = store_quarantine_begin(store, "operator", "restored from a backup");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files) - 1; i++)
		r = unpack_one(store, epochs, dir, &files[i]);
	if (r == 0)
		r = unpack_config(store, epochs, path, ret);
	if (r == 0)
		r = store_backup_files_forget(store);
	return r <= 0 ? r : fail(-EIO, "the backup isn't as it should be");
}
