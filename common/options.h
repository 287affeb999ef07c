/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table says everything about a program's options: flag, environment variable, type, where the
 * value goes, help text. Parsing, the environment and the usage text all come from it. Environment
 * first, flags over it. Secrets are never options: files that hold them are. Not getopt_long(): it
 * takes abbreviations, and where it leaves positional words differs between the C libraries.
 */
#pragma once

#include "common/base.h"

enum option_type {
	OPTION_FLAG,   /* bool; the environment takes 1/0/true/false/yes/no */
	OPTION_TEXT,   /* const char *, borrowed from argv or the environment */
	OPTION_NUMBER, /* uint64_t, decimal */
	OPTION_SIZE,   /* uint64_t bytes: 512, 16K, 64M, 2G (powers of 1024) */
	OPTION_LIST, /* struct option_list: may be repeated; the environment separates by commas */
};

#define OPTION_LIST_MAX 32
struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option_row {
	const char *flag; /* without the dashes; rows with the same offset are aliases */
	const char *env;  /* NULL: none */
	enum option_type type;
	size_t offset;	      /* offsetof() in the target struct */
	const char *argument; /* for the usage text: "FILE"; NULL for flags */
	const char *help;     /* one or more lines */
};

/* Fills the target from the environment and argv[1..]; argv[0] is the verb. "--flag VALUE",
 * "--flag=VALUE", "-f" for rows of one letter, "--flag=no"; "--" ends the options. Positional words
 * are moved to argv[*ret_first..argc-1]. -EINVAL with a sentence that names the option. Unknown
 * options are errors. */
int options_parse(const struct option_row *rows, size_t count, void *target, int argc, char **argv,
		  int *ret_first) MUST_CHECK;

/* The usage text of the rows, wrapped for an 80-column terminal; the caller frees it. */
int options_usage(const struct option_row *rows, size_t count, char **ret) MUST_CHECK;
