/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's commands beside "serve", one file each: they work on the server's folder, not
 * through the API. main.c has the table. argv[0] is the verb; each returns an exit status.
 */
#pragma once

#include "common/options.h"
#include "server/config.h"
#include "server/store/store_core.h"

/* Exit statuses, documented in panocryptd(8). */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_BROKEN = 3 };

int verb_audit(int argc, char **argv);
int verb_kek(int argc, char **argv);
int verb_backup(int argc, char **argv);
int verb_restore(int argc, char **argv);
int verb_quarantine(int argc, char **argv);
int verb_rebind(int argc, char **argv);

/* --- for the verbs' own files (verb.c) ------------------------------------------------------- */

/* The first member of each verb's options. */
struct verb_options {
	const char *dir;
	bool help;
};

#define VERB_ROWS                                                                                  \
	{ "dir",       "PANOCRYPTD_DIR",                                                           \
	  OPTION_TEXT, offsetof(struct verb_options, dir),                                         \
	  "DIR",       "the server's folder (default: /var/lib/panocrypt)" },                      \
	{                                                                                          \
		"help", NULL, OPTION_FLAG, offsetof(struct verb_options, help), NULL,              \
			"print this and exit"                                                      \
	}

struct verb {
	const char *name;     /* the word behind the noun */
	const char *argument; /* one positional word, for the usage; NULL: none */
	const char *help;
	const struct option_row *rows;
	size_t rows_count;
	size_t options_bytes;
	bool has_no_folder; /* there is none yet: run gets no configuration, and stays root */
	/* Opens the caller's own files, which the server's user may not read. May be NULL. */
	int (*before)(void *options, const char *word);
	/* The folder's configuration is loaded and root given up. An exit status, or negative with
	 * a sentence. */
	int (*run)(void *options, const struct server_config *config, const char *word);
};

/* Runs argv[0] (when count is 1 and the verb has no name) or the verb that argv[1] names. */
int verb_run(const char *noun, const struct verb *verbs, size_t count, int argc, char **argv);

/* Opens the folder's store for an operator's command. */
int verb_open_store(const struct server_config *config, struct store **ret) MUST_CHECK;

/* An operator's action in the system's lane of the audit, by itself. detail may be "". */
int verb_audited(struct store *store, const char *event, const char *detail) MUST_CHECK;
