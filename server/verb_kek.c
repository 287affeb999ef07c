/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd kek rotate, copy, verify-copy, restore-copy.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "server/core/epoch_rotate.h"
#include "server/core/kek_copy.h"
#include "server/verbs.h"

#define COPY_MAX_BYTES (16 * KIB)

struct kek_options {
	struct verb_options verb;
	struct kek_copy_seal seal;
	char *copy; /* the file's text */
	size_t copy_len;
	bool destroy_old;
};

static int before_copy(void *opaque, const char *word UNUSED)
{
	struct kek_options *options = opaque;

	return kek_copy_load(&options->seal, false);
}

static int before_open(void *opaque, const char *path)
{
	struct kek_options *options = opaque;
	int r = kek_copy_load(&options->seal, true);

	if (r == 0)
		r = file_read(path, COPY_MAX_BYTES, &options->copy, &options->copy_len);
	return r == -ENOENT ? fail(r, "there is no file %s", path) : r;
}

static void done(struct kek_options *options)
{
	kek_copy_done(&options->seal);
	free(options->copy);
}

static int run_rotate(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	const struct kek_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	struct epoch_rotated rotated;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = epoch_rotate(config, store, options->destroy_old, &rotated);
	if (r < 0)
		return fail_at(r, "the rotation isn't finished, run it again");
	printf("%llu keys were wrapped anew. The key-encryption key is now %s.\n",
	       (unsigned long long)rotated.rewrapped, rotated.to);
	if (options->destroy_old)
		printf("%llu old key-encryption keys were destroyed: devices destroyed before are "
		       "so for good,\nas soon as nobody has a copy of the old key any more "
		       "(portable copies, backups of this folder,\na credential). Backups made "
		       "before need that old key: make a new one now.\n",
		       (unsigned long long)rotated.destroyed);
	else
		printf("The old one, %s, is kept for old backups; \"kek rotate --destroy-old\" "
		       "destroys it.\n",
		       rotated.from);
	printf("The portable copy is of the old one: make a new one with \"panocryptd kek "
	       "copy\".\n");
	return EXIT_DONE;
}

static int run_copy(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP_FREE char *text = NULL;
	struct kek_options *options = opaque;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = kek_copy_make(config, store, &options->seal, &text);
	done(options);
	if (r < 0)
		return r;
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		return fail(-EIO, "the output can't be written: %s", strerror(errno));
	return EXIT_DONE;
}

static int run_verify(void *opaque, const struct server_config *config, const char *path)
{
	CLEANUP(store_closep) struct store *store = NULL;
	struct kek_options *options = opaque;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = kek_copy_verify(store, options->copy, options->copy_len, &options->seal);
	done(options);
	if (r == STORE_NOT_FOUND) {
		log_error("%s opens, but is a copy of another key than this store's present one: "
			  "make a new copy",
			  path);
		return EXIT_BROKEN;
	}
	if (r < 0)
		return r;
	printf("%s opens, and is the key-encryption key of this store.\n", path);
	return EXIT_DONE;
}

static int run_restore(void *opaque, const struct server_config *config, const char *path UNUSED)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	struct kek_options *options = opaque;
	int r;

	r = kek_copy_open(options->copy, options->copy_len, &options->seal, &kek);
	if (r == 0)
		r = kek_put(config, &kek);
	done(options);
	return r < 0 ? r : EXIT_DONE;
}

static const struct option_row rotate_rows[] = {
	{ "destroy-old", NULL, OPTION_FLAG, offsetof(struct kek_options, destroy_old), NULL,
	  "destroy all older key-encryption keys that are here: backups made before can't be "
	  "used any more" },
	VERB_ROWS,
};

#define SEAL_ROWS(jwk_help)                                                                        \
	{ "jwk", NULL, OPTION_TEXT, offsetof(struct kek_options, seal.jwk), "FILE", jwk_help },    \
	{                                                                                          \
		"passphrase-file", NULL, OPTION_TEXT,                                              \
			offsetof(struct kek_options, seal.passphrase_file), "FILE",                \
			"or a passphrase in a file that only you can read"                         \
	}

static const struct option_row copy_rows[] = { SEAL_ROWS("a public key (JWK) whose private half is "
							 "kept offline"),
					       VERB_ROWS };
static const struct option_row open_rows[] = { SEAL_ROWS("the private key (JWK)"), VERB_ROWS };

#define VERB(name_, argument_, help_, rows_, before_, run_)                                        \
	{                                                                                          \
		.name = name_, .argument = argument_, .help = help_, .rows = rows_,                \
		.rows_count = ARRAY_SIZE(rows_), .options_bytes = sizeof(struct kek_options),      \
		.before = before_, .run = run_                                                     \
	}

static const struct verb verbs[] = {
	VERB("rotate", NULL, "begin a new epoch: wrap every device's keys by a new key",
	     rotate_rows, NULL, run_rotate),
	VERB("copy", NULL, "print a portable copy of the key-encryption key", copy_rows,
	     before_copy, run_copy),
	VERB("verify-copy", "FILE", "open a portable copy and compare it", open_rows, before_open,
	     run_verify),
	VERB("restore-copy", "FILE", "put the key of a portable copy in its place", open_rows,
	     before_open, run_restore),
};

int verb_kek(int argc, char **argv)
{
	return verb_run("kek", verbs, ARRAY_SIZE(verbs), argc, argv);
}
