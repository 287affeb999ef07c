/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The distribution's own tools as child processes: no shell, a clean environment (PATH, LC_ALL=C,
 * HOME, TERM dropped), capped output, a deadline. A secret goes in on standard input only.
 */
#pragma once

#include "common/secret.h"

#define SPAWN_ARGS_MAX 32

/* Who watches a program's system calls (view.c). */
struct spawn_watch {
	/* In the child, last before it becomes the program. */
	int (*enter)(struct spawn_watch *watch);
	/* Whenever fd is readable while the program runs; negative ends the program. May change fd.
	 */
	int (*serve)(struct spawn_watch *watch);
	int fd;
	void *userdata;
};

struct spawn {
	const char *argv[SPAWN_ARGS_MAX];  /* ends with NULL; argv[0] is looked up in PATH */
	const char *const *extra_env;	   /* "NAME=value" list ending with NULL; may be NULL */
	const struct secret *input_secret; /* on stdin; or */
	const char *input_text;		   /* text on stdin; both NULL: /dev/null */
	const char *chroot_dir;		   /* NULL: none */
	unsigned timeout_s;		   /* 0: 3600 */
	size_t output_max_bytes;	   /* of stdout; default 1 MiB */
	struct spawn_watch *watch;	   /* NULL: nobody */
	bool is_quiet; /* stderr to /dev/null, else its tail goes into the failure sentence */
};

/* Exit status >= 0; negative: could not be run, killed, or timed out (then its whole session is
 * killed). */
int spawn_status(const struct spawn *spawn) MUST_CHECK;

/* Demands exit status 0: -EIO with a sentence of the command name and the tail of its output. */
int spawn_run(const struct spawn *spawn) MUST_CHECK;

/* spawn_run() keeping stdout as text (the caller frees) or as a secret. */
int spawn_text(const struct spawn *spawn, char **ret) MUST_CHECK;
int spawn_secret(const struct spawn *spawn, struct secret *ret) MUST_CHECK;

/* Is the program in PATH? */
bool spawn_has(const char *program);
