/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the server's folder. config.json is written last: a folder without it isn't a server yet,
 * so an init that was cut is told from one that was done. Replaces nothing that exists.
 */
#include "server/init.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/ca.h"
#include "server/config.h"
#include "server/core/checkpoint.h"
#include "server/core/epoch.h"
#include "server/init_options.h"
#include "server/join.h"
#include "server/store/db.h"
#include "server/store/store.h"

#define TOKEN_EXPIRES_S (365ULL * 24 * 60 * 60)

static int refuse_old(const char *dir)
{
	char path[CONFIG_PATH_SIZE];

	for (int file = 0; file < CONFIG_FILE_COUNT; file++) {
		config_path(dir, (enum config_file)file, path);
		if (!file_exists(path))
			continue;
		if (file == CONFIG_FILE_CONFIG)
			return fail(-EEXIST, "%s is a server's folder already: nothing was changed",
				    dir);
		return fail(-EEXIST,
			    "%s exists: an init was cut here. No host knows this server "
			    "yet: remove the folder and run again",
			    path);
	}
	return 0;
}

static int write_token(struct store *store, const struct init_options *options,
		       const uint8_t *organization)
{
	struct store_by by = { .actor = "init" };
	char token[TOKEN_TEXT_SIZE], line[TOKEN_TEXT_SIZE + 1], path[CONFIG_PATH_SIZE];
	int r;

	memcpy(by.organization, organization, sizeof(by.organization));
	r = store_token_create(store, &by, options->admin, TOKEN_EXPIRES_S, token);
	if (r != 0)
		return r;
	config_path(options->dir, CONFIG_FILE_ADMIN_TOKEN, path);
	snprintf(line, sizeof(line), "%s\n", token);
	r = file_replace_text(path, line, 0600);
	secret_wipe(token, sizeof(token));
	secret_wipe(line, sizeof(line));
	return r;
}

/* The first checkpoint: from here on the witness knows that there is an audit. */
static int make_checkpoint(const struct server_config *config, struct store *store)
{
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	int r = checkpoints_open(config, store, &checkpoints);

	return r < 0 ? r : checkpoints_make(checkpoints);
}

static int make_copy(const struct init_options *options, const struct server_config *config,
		     struct store *store)
{
	CLEANUP_FREE char *text = NULL;
	char path[CONFIG_PATH_SIZE];
	int r;

	if (!options->copy.jwk && !options->copy.passphrase_file)
		return 0;
	r = kek_copy_make(config, store, &options->copy, &text);
	config_path(config->dir, CONFIG_FILE_KEK_COPY, path);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

static int make_store(const struct init_options *options, const struct server_config *config)
{
	CLEANUP(store_closep) struct store *store = NULL;
	char writer[CONFIG_WRITER_SIZE];
	uint8_t organization[ORGANIZATION_ID_BYTES];
	int r;

	config_writer(config, "init", writer);
	r = store_create(config->store, writer, &store);
	if (r == 0)
		r = epochs_create(config, store);
	if (r == 0)
		r = store_organization_create(store, options->organization, options->admin,
					      organization);
	if (r == 0)
		r = write_token(store, options, organization);
	if (r == 0)
		r = make_copy(options, config, store);
	if (r == 0)
		r = make_checkpoint(config, store);
	return r <= 0 ? r : fail(-EIO, "a new store that isn't empty");
}

static int write_config(const struct server_config *config)
{
	CLEANUP_FREE char *text = NULL;
	char path[CONFIG_PATH_SIZE];
	int r = config_print(config, &text);

	if (r < 0)
		return r;
	config_path(config->dir, CONFIG_FILE_CONFIG, path);
	return file_replace_text(path, text, 0644);
}

/* The folder and all in it to the user that the server runs as. */
int init_give_away(const struct server_config *config)
{
	const struct passwd *user;
	char path[CONFIG_PATH_SIZE];

	if (!config->user[0] || geteuid() != 0)
		return 0;
	user = getpwnam(config->user);
	if (!user)
		return fail(-ENOENT, "there is no user %s", config->user);
	for (int file = 0; file < CONFIG_FILE_COUNT; file++) {
		config_path(config->dir, (enum config_file)file, path);
		if (file_exists(path) && lchown(path, user->pw_uid, user->pw_gid) < 0)
			return fail(-errno, "can't give %s to %s: %s", path, config->user,
				    strerror(errno));
	}
	if (!db_place_is_url(config->store) &&
	    lchown(config->store, user->pw_uid, user->pw_gid) < 0)
		return fail(-errno, "can't give %s to %s: %s", config->store, config->user,
			    strerror(errno));
	config_witness(config, path);
	if (file_exists(path) && lchown(path, user->pw_uid, user->pw_gid) < 0)
		return fail(-errno, "can't give %s to %s: %s", path, config->user, strerror(errno));
	if (chown(config->dir, user->pw_uid, user->pw_gid) < 0)
		return fail(-errno, "can't give %s to %s: %s", config->dir, config->user,
			    strerror(errno));
	return 0;
}

static int make_first(const struct init_options *options, const struct server_config *config)
{
	int r = make_store(options, config);

	return r < 0 ? r : ca_create(config, options->organization);
}

static int make_all(const struct init_options *options, const struct server_config *config)
{
	int r;

	r = refuse_old(config->dir);
	if (r == 0 && config->user[0] && !getpwnam(config->user))
		return fail(-ENOENT, "there is no user %s: make it first", config->user);
	if (r == 0)
		r = file_mkdirs(config->dir, 0700);
	if (r < 0)
		return r;
	if (chmod(config->dir, 0700) < 0)
		return fail(-errno, "can't close %s to others: %s", config->dir, strerror(errno));
	if (options->join)
		r = join_store(config, options->join);
	else
		r = make_first(options, config);
	if (r == 0)
		r = write_config(config);
	return r < 0 ? r : init_give_away(config);
}

int init_main(int argc, char **argv)
{
	struct init_options options = { .dir = NULL };
	struct server_config config = { .fronts = 1 };
	int r = init_options_read(argc, argv, &options, &config);

	if (r == 0 && (options.copy.jwk || options.copy.passphrase_file))
		r = kek_copy_load(&options.copy, false);
	if (r == 0) {
		options.dir = config.dir;
		r = make_all(&options, &config);
	}
	kek_copy_done(&options.copy);
	if (r < 0) {
		log_failure(r);
		return EXIT_FAILURE;
	}
	if (options.join) {
		printf("The server's folder %s is ready: node %s of the store's servers.\n"
		       "Start it with: panocryptd serve --dir %s\n",
		       config.dir, config.node, config.dir);
		return EXIT_SUCCESS;
	}
	printf("The server's folder %s is ready.\n"
	       "  hosts trust      %s/ca.pem\n"
	       "  %s's API token  %s/admin-token\n"
	       "  back up          %s/kek: without it, no device can ever be unlocked\n"
	       "%s"
	       "Start it with: panocryptd serve --dir %s\n",
	       config.dir, config.dir, options.admin, config.dir, config.dir,
	       options.copy.jwk || options.copy.passphrase_file
		       ? "  take away        kek-copy.jwe, and open it once: panocryptd kek "
			 "verify-copy\n"
		       : "  then make        a portable copy of it: panocryptd kek copy\n",
	       config.dir);
	return EXIT_SUCCESS;
}
