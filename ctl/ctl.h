/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl: what all verbs share. A verb is a row of main.c's table and a file; it reads
 * options, makes one or two calls of /v1, and prints. No state, no secret but the API token.
 */
#pragma once

#include "common/json.h"
#include "common/options.h"

/* Exit statuses, documented in panocryptctl(1). */
enum {
	CTL_DONE = 0,
	CTL_FAILED = 1,	 /* no answer: name, connection, certificate, token file */
	CTL_USAGE = 2,	 /* wrong options */
	CTL_REFUSED = 3, /* the server said no */
	CTL_LATER = 4,	 /* the server can't answer now: try again */
	CTL_WAITS = 5,	 /* others must agree first: kept as a proposal */
};

/* First member of each verb's options. */
struct ctl {
	const char *admin_url, *token_file, *ca;
	bool json, help;
};

/* The first rows of each verb's table. */
#define CTL_ROWS                                                                                   \
	{ "admin-url", "PANOCRYPT_ADMIN_URL",                                                      \
	  OPTION_TEXT, offsetof(struct ctl, admin_url),                                            \
	  "URL",       "the server's admin listener: https://NAME:PORT" },                         \
		{ "token-file", "PANOCRYPT_TOKEN_FILE",                                            \
		  OPTION_TEXT,	offsetof(struct ctl, token_file),                                  \
		  "FILE",	"holds your API token" },                                          \
		{ "ca",	       "PANOCRYPT_CA",                                                     \
		  OPTION_TEXT, offsetof(struct ctl, ca),                                           \
		  "FILE",      "the server's CA (default: the system's bundle)" },                 \
		{ "json",      NULL,                                                               \
		  OPTION_FLAG, offsetof(struct ctl, json),                                         \
		  NULL,	       "print the server's answer as JSON" },                              \
	{                                                                                          \
		"help", NULL, OPTION_FLAG, offsetof(struct ctl, help), NULL, "print this and exit" \
	}

struct ctl_verb {
	const char *noun, *name; /* noun NULL: the verb is one word */
	const char *argument;	 /* positional words, for the usage; NULL: none */
	size_t arguments;	 /* how many of them are required, and allowed */
	const char *help;
	const struct option_row *rows;
	size_t rows_count;
	size_t options_bytes;
	/* options: zeroed and filled. 0 or negative with a sentence; CTL_… by ctl_status(). */
	int (*run)(void *options, char **words);
};

/* Calls the API: body may be NULL (GET) or an object (POST; released). *ret: the answer's value. */
int ctl_get(const struct ctl *ctl, const char *path, json_t **ret) MUST_CHECK;
int ctl_post(const struct ctl *ctl, const char *path, json_t *body, json_t **ret) MUST_CHECK;

/* The path of a device named by its id, the beginning of one, or its name, if only one fits.
 * suffix may be "". The caller frees it. */
int ctl_device_path(const struct ctl *ctl, const char *word, const char *suffix,
		    char **ret) MUST_CHECK;

/* prefix, and the whole id of that device. The caller frees it. */
int ctl_device_query(const struct ctl *ctl, const char *prefix, const char *word,
		     char **ret) MUST_CHECK;

/* prefix, a word as people typed it, suffix. -EINVAL with a sentence for a word that can't stand in
 * a path. The caller frees it. */
int ctl_word_path(const char *prefix, const char *word, const char *suffix, char **ret) MUST_CHECK;

/* As ctl_list(); the one item "none" is an empty array. */
json_t *ctl_list_or_none(const struct option_list *list);

/* Array of the list's items, for a body. */
json_t *ctl_list(const struct option_list *list);

/* "90s", "30m", "24h", "7d", or seconds. -EINVAL with a sentence. */
int ctl_duration(const char *text, uint64_t *ret_s) MUST_CHECK;

/* Adds name=value to a query, escaped; starts with '?' or '&' as needed. */
struct strbuf;
void ctl_query(struct strbuf *path, const char *name, const char *value);

/* --- printing -------------------------------------------------------------------------------- */

int ctl_print_json(const json_t *value) MUST_CHECK;

/* A column of a table: which member, and how it is shown. */
enum ctl_show {
	CTL_TEXT,
	CTL_TIME,
	CTL_NUMBER,
	CTL_PERCENT,
	CTL_BYTES, /* 0 is "-": not known */
	CTL_RATE,
	CTL_SECONDS,
	CTL_YES_NO,
	CTL_LIST
};

struct ctl_column {
	const char *title, *member;
	enum ctl_show show;
};

/* One row an item of the array; what has no rows says so. */
int ctl_print_table(const json_t *rows, const struct ctl_column *columns, size_t count,
		    const char *when_empty) MUST_CHECK;

/* One line a member of the object. */
int ctl_print_fields(const json_t *object, const struct ctl_column *columns,
		     size_t count) MUST_CHECK;

/* --- what most nouns do the same way ---------------------------------------------------------- */

struct ctl_noun {
	const char *path;   /* of one, without its name: "/v1/waivers/" */
	const char *list;   /* the member of the list's answer */
	const char *member; /* that names one */
	const char *title;  /* of it, in a sentence */
	const char *when_empty;
	const struct ctl_column *columns;
	size_t columns_count;
};

/* The list at this path, as a table. */
int ctl_noun_list(const struct ctl *ctl, const struct ctl_noun *noun, const char *path) MUST_CHECK;

/* Posts a body, which is released, and says that the one in the answer "is WHAT". */
int ctl_noun_post(const struct ctl *ctl, const struct ctl_noun *noun, const char *path,
		  json_t *body, const char *what) MUST_CHECK;

/* The same to the one that word names; what: the path's end, and what it is then. */
int ctl_noun_change(const struct ctl *ctl, const struct ctl_noun *noun, const char *word,
		    json_t *body, const char *const what[static 2]) MUST_CHECK;

/* "TITLE NAME is pending (1 of 2 votes)." */
int ctl_print_votes(const json_t *answer, const char *title, const char *name) MUST_CHECK;

/* A verb with one word or none. */
#define CTL_VERB(noun_, name_, argument_, help_, rows_, type_, run_)                               \
	{                                                                                          \
		.noun = noun_, .name = name_, .argument = argument_,                               \
		.arguments = (argument_) ? 1 : 0, .help = help_, .rows = rows_,                    \
		.rows_count = ARRAY_SIZE(rows_), .options_bytes = sizeof(type_), .run = run_       \
	}

/* --- verbs, one file each -------------------------------------------------------------------- */

extern const struct ctl_verb verb_whoami, verb_key_create, verb_key_list, verb_key_revoke;
extern const struct ctl_verb verb_key_compromise;
extern const struct ctl_verb verb_device_list, verb_device_show, verb_device_add;
extern const struct ctl_verb verb_device_disable, verb_device_enable, verb_device_revoke;
extern const struct ctl_verb verb_device_destroy, verb_device_rotate, verb_device_drop, verb_status;
extern const struct ctl_verb verb_device_set, verb_device_release;
extern const struct ctl_verb verb_network_create, verb_network_list, verb_network_show;
extern const struct ctl_verb verb_network_set, verb_network_delete;
extern const struct ctl_verb verb_device_allow_once, verb_waiver_list, verb_waiver_cancel;
extern const struct ctl_verb verb_approval_list, verb_approval_show, verb_approval_approve;
extern const struct ctl_verb verb_approval_deny, verb_approval_defer;
extern const struct ctl_verb verb_device_expect;
extern const struct ctl_verb verb_proposal_list, verb_proposal_show, verb_proposal_approve,
	verb_proposal_deny;
extern const struct ctl_verb verb_group_create, verb_group_list, verb_group_set, verb_group_delete;
extern const struct ctl_verb verb_authorizer_set, verb_authorizer_show, verb_authorizer_remove;
extern const struct ctl_verb verb_authorizer_test;
extern const struct ctl_verb verb_policy_explain, verb_denials, verb_audit_list;
