/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See assets.h.
 */
#include "server/admin/assets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

static void close_dir(DIR *dir)
{
	closedir(dir);
}
DEFINE_CLEANUP(DIR *, close_dir);

static int load(struct assets *assets, const char *name, const char *path)
{
	struct asset *asset = &assets->items[assets->count];
	uint8_t hash[SHA256_BYTES];
	int r;

	if (assets->count == ASSETS_MAX)
		return fail(-E2BIG, "more than %d files to hand out", ASSETS_MAX);
	r = file_read(path, ASSET_MAX_BYTES, &asset->data, &asset->len);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail_at(r, "%s", path);
	assets->count++;
	snprintf(asset->name, sizeof(asset->name), "%s", name);
	r = sha256(asset->data, asset->len, hash);
	if (r < 0)
		return r;
	text_hex(asset->sha256_hex, hash, sizeof(hash));
	return 0;
}

static int load_folder(struct assets *assets, const char *folder)
{
	CLEANUP(close_dirp) DIR *dir = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return fail(-errno, "can't read %s: %m", folder);
	while (!r && (entry = readdir(dir)) != NULL) {
		CLEANUP_FREE char *path = NULL;

		if (strcmp(entry->d_name, "install.sh") != 0 &&
		    strncmp(entry->d_name, "bootstrap-", 10) != 0)
			continue;
		if (strlen(entry->d_name) >= sizeof(assets->items[0].name))
			continue;
		r = text_format(&path, "%s/%s", folder, entry->d_name);
		if (!r)
			r = load(assets, entry->d_name, path);
	}
	return r;
}

int assets_load(const struct server_config *config, struct assets *ret)
{
	char ca[CONFIG_PATH_SIZE];
	int r;

	memset(ret, 0, sizeof(*ret));
	config_path(config->dir, CONFIG_FILE_CA, ca);
	r = load(ret, "ca.pem", ca);
	if (!r)
		r = load_folder(ret, config->assets);
	if (r < 0) {
		assets_free(ret);
		return r;
	}
	if (!assets_find(ret, "install.sh"))
		log_warning("no install.sh in %s: hosts can't fetch the installer from here",
			    config->assets);
	return 0;
}

void assets_free(struct assets *assets)
{
	for (size_t i = 0; i < assets->count; i++)
		free(assets->items[i].data);
	assets->count = 0;
}

const struct asset *assets_find(const struct assets *assets, const char *name)
{
	for (size_t i = 0; i < assets->count; i++) {
		if (strcmp(assets->items[i].name, name) == 0)
			return &assets->items[i];
	}
	return NULL;
}
