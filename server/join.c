/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See join.h. The store itself is only read, and brought up to date as at any start.
 */
#include "server/join.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "server/ca.h"
#include "server/core/epoch.h"
#include "server/store/store.h"

static const enum config_file taken_over[] = { CONFIG_FILE_KEK, CONFIG_FILE_CA_KEY, CONFIG_FILE_CA,
					       CONFIG_FILE_AUDIT_KEY, CONFIG_FILE_AUDIT_PUBLIC };

static int check_files(const char *from)
{
	char path[CONFIG_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(taken_over); i++) {
		config_path(from, taken_over[i], path);
		if (!file_exists(path))
			return fail(-ENOENT,
				    "%s is missing: put copies of kek, ca.key, ca.pem, audit.jwk "
				    "and audit.pub.jwk of a server that uses this store there",
				    path);
	}
	return 0;
}

/* Does the key open what the store was made with? The folder isn't the server's yet. */
static int check_store(const struct server_config *config, const char *from)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(epochs_closep) struct epochs *epochs = NULL;
	struct server_config other = *config;
	char writer[CONFIG_WRITER_SIZE];
	int r;

	if (strlen(from) >= sizeof(other.dir))
		return fail(-ENAMETOOLONG, "--join is too long");
	strcpy(other.dir, from); /* length checked above */
	config_writer(config, "init", writer);
	r = store_open(config->store, writer, &store);
	return r < 0 ? r : epochs_open(&other, store, &epochs);
}

static int copy_files(const struct server_config *config, const char *from)
{
	char source[CONFIG_PATH_SIZE], target[CONFIG_PATH_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(taken_over); i++) {
		config_path(from, taken_over[i], source);
		config_path(config->dir, taken_over[i], target);
		r = file_copy(source, target);
	}
	return r;
}

int join_store(const struct server_config *config, const char *from)
{
	int r = check_files(from);

	if (r == 0)
		r = check_store(config, from);
	if (r == 0)
		r = copy_files(config, from);
	return r < 0 ? r : ca_renew_leaf(config, NULL);
}
