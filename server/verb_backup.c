/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd backup, restore. docs/backup.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/core/backup.h"
#include "server/core/checkpoint.h"
#include "server/init.h"
#include "server/verbs.h"

#define COPY_BYTES 65536

struct backup_options {
	struct verb_options verb;
	int fd; /* the backup, opened as who calls */
};

static int copy_all(int from, int to)
{
	CLEANUP_FREE char *buffer = malloc(COPY_BYTES);
	ssize_t n;

	if (!buffer)
		return fail(-ENOMEM, "out of memory");
	while ((n = read(from, buffer, COPY_BYTES)) != 0) {
		int r = n < 0 ? fail(-errno, "it can't be read: %s", strerror(errno))
			      : file_write_all(to, buffer, (size_t)n);

		if (r < 0)
			return r;
	}
	return fsync(to) < 0 ? fail(-errno, "it can't be written: %s", strerror(errno)) : 0;
}

/* --- backup ---------------------------------------------------------------------------------- */

static int before_backup(void *opaque, const char *path)
{
	struct backup_options *options = opaque;

	options->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return options->fd < 0 ? fail(-errno, "%s can't be made: %s", path, strerror(errno)) : 0;
}

/* First the row and a checkpoint: so that the backup's own end is known outside. */
static int note(const struct server_config *config, struct store *store)
{
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	int r = verb_audited(store, "backup-made", "");

	if (r == 0)
		r = checkpoints_open(config, store, &checkpoints);
	return r < 0 ? r : checkpoints_make(checkpoints);
}

static int write_backup(const struct server_config *config, struct store *store, const char *path,
			int to)
{
	CLEANUP_CLOSE int from = -1;
	int r = backup_make(config, store, path);

	if (r < 0)
		return r;
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	return copy_all(from, to);
}

static int run_backup(void *opaque, const struct server_config *config, const char *path)
{
	const struct backup_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP_FREE char *temporary = NULL;
	int r;

	r = text_format(&temporary, "%s/backup.%ld.tmp", config->dir, (long)getpid());
	if (r == 0)
		r = verb_open_store(config, &store);
	if (r == 0)
		r = note(config, store);
	if (r == 0)
		r = write_backup(config, store, temporary, options->fd);
	if (temporary)
		(void)unlink(temporary);
	close(options->fd);
	if (r < 0)
		return fail_at(r, "no backup was made, remove %s", path);
	printf("%s is a backup of the store and of the server's files, but for the key-encryption "
	       "key: without that it is of no use.\n",
	       path);
	return EXIT_DONE;
}

/* --- restore --------------------------------------------------------------------------------- */

static int refuse_old(const char *dir)
{
	static const enum config_file never[] = { CONFIG_FILE_CONFIG, CONFIG_FILE_STORE,
						  CONFIG_FILE_CA, CONFIG_FILE_CA_KEY };
	char path[CONFIG_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		config_path(dir, never[i], path);
		if (file_exists(path))
			return fail(-EEXIST,
				    "%s exists: restore into a folder that has the "
				    "key-encryption key and nothing else",
				    path);
	}
	return 0;
}

static int copy_store(const char *from_path, const char *dir)
{
	char path[CONFIG_PATH_SIZE];
	CLEANUP_CLOSE int from = open(from_path, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int to = -1;

	if (from < 0)
		return fail(-errno, "%s: %s", from_path, strerror(errno));
	config_path(dir, CONFIG_FILE_STORE, path);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(-errno, "%s can't be made: %s", path, strerror(errno));
	return copy_all(from, to);
}

/* A folder that was begun and isn't a server would be in the way of the next try. */
static void take_back(const char *dir)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	static const enum config_file made[] = { CONFIG_FILE_CA, CONFIG_FILE_CA_KEY,
						 CONFIG_FILE_AUDIT_KEY, CONFIG_FILE_AUDIT_PUBLIC };
	char path[CONFIG_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		config_path(dir, CONFIG_FILE_STORE, path);
		strcat(path, ends[i]); /* there is room: CONFIG_PATH_SIZE */
		(void)unlink(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		config_path(dir, made[i], path);
		(void)unlink(path);
	}
}

static int run_restore(void *opaque, const struct server_config *none UNUSED, const char *path)
{
	const struct backup_options *options = opaque;
	const char *dir = options->verb.dir;
	struct server_config config;
	int r;

	if (!dir)
		return fail(-EINVAL, "--dir is missing: the new folder");
	r = refuse_old(dir);
	if (r == 0)
		r = file_mkdirs(dir, 0700);
	if (r == 0)
		r = copy_store(path, dir);
	if (r == 0) {
		r = backup_unpack(dir, &config);
		if (r < 0)
			take_back(dir);
	}
	if (r == 0)
		r = init_give_away(&config);
	if (r < 0)
		return r;
	printf("%s is restored, and in quarantine: each unlock needs approval until\n"
	       "  panocryptd quarantine end --dir %s --witness FILE\n"
	       "has shown by the witness, as it is outside, that nothing is missing.\n",
	       dir, dir);
	return EXIT_DONE;
}

static const struct option_row rows[] = { VERB_ROWS };

static const struct verb backup_verb = { .argument = "FILE",
					 .help = "copy the store and the server's files into one "
						 "file, while it serves",
					 .rows = rows,
					 .rows_count = ARRAY_SIZE(rows),
					 .options_bytes = sizeof(struct backup_options),
					 .before = before_backup,
					 .run = run_backup };

static const struct verb restore_verb = { .argument = "FILE",
					  .help = "make a server's folder of a backup and its "
						  "key-encryption key",
					  .rows = rows,
					  .rows_count = ARRAY_SIZE(rows),
					  .options_bytes = sizeof(struct backup_options),
					  .has_no_folder = true,
					  .run = run_restore };

int verb_backup(int argc, char **argv)
{
	return verb_run("backup", &backup_verb, 1, argc, argv);
}

int verb_restore(int argc, char **argv)
{
	return verb_run("restore", &restore_verb, 1, argc, argv);
}
