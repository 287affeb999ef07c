/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl proposal list, show, approve, deny: changes that wait for the agreement of others. A
 * proposal is named by its id or the beginning of that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

#define ID_CHARS 32

struct options {
	struct ctl ctl;
	bool all;
};

static const struct option_row list_rows[] = {
	{ "all", NULL, OPTION_FLAG, offsetof(struct options, all), NULL,
	  "what is decided or over, too" },
	CTL_ROWS,
};
static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "PROPOSAL", "proposal", CTL_TEXT }, { "CHANGE", "path", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },	      { "VOTES", "votes", CTL_NUMBER },
	{ "OF", "quorum", CTL_NUMBER },	      { "BY", "created_by", CTL_TEXT },
	{ "DUE", "due", CTL_TIME },	      { "UNTIL", "until", CTL_TIME },
};

static const struct ctl_column fields[] = {
	{ "proposal", "proposal", CTL_TEXT },
	{ "subject", "subject", CTL_TEXT },
	{ "name", "name", CTL_TEXT },
	{ "change", "path", CTL_TEXT },
	{ "state", "state", CTL_TEXT },
	{ "votes", "votes", CTL_NUMBER },
	{ "quorum", "quorum", CTL_NUMBER },
	{ "proposed by", "created_by", CTL_TEXT },
	{ "proposed", "created", CTL_TIME },
	{ "due", "due", CTL_TIME },
	{ "until", "until", CTL_TIME },
	{ "decided", "decided", CTL_TIME },
	{ "decided by", "decided_by", CTL_TEXT },
};

static const struct ctl_noun noun = {
	.path = "/v1/proposals/",
	.list = "proposals",
	.member = "proposal",
	.title = "The proposal",
	.when_empty = "Nothing is proposed.",
	.columns = columns,
	.columns_count = ARRAY_SIZE(columns),
};

static int run_list(void *opaque, char **words)
{
	const struct options *options = opaque;

	(void)words;
	return ctl_noun_list(&options->ctl, &noun,
			     options->all ? "/v1/proposals?state=all" : "/v1/proposals");
}

/* Of what is pending, the one that begins like this; a whole id may be decided already. */
static int proposal_path(const struct ctl *ctl, const char *word, const char *suffix, char **ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	const char *found = NULL;
	json_t *item;
	size_t i;
	int r;

	if (!*word || strlen(word) == ID_CHARS)
		return ctl_word_path("/v1/proposals/", word, suffix, ret);
	r = ctl_get(ctl, "/v1/proposals", &answer);
	if (r < 0)
		return r;
	json_array_foreach (json_object_get(answer, "proposals"), i, item) {
		const char *id = json_string_value(json_object_get(item, "proposal"));

		if (!id || strncmp(id, word, strlen(word)) != 0)
			continue;
		if (found)
			return fail(-EPROTO, "\"%.40s\" fits several proposals: give more of one",
				    word);
		found = id;
	}
	if (!found)
		return fail(-EPROTO,
			    "no proposal begins with \"%.40s\": see \"panocryptctl proposal list\"",
			    word);
	return ctl_word_path("/v1/proposals/", found, suffix, ret);
}

/* What it would change, member by member. */
static int print_proposal(const json_t *proposal)
{
	CLEANUP_FREE char *body = NULL;
	int r = ctl_print_fields(proposal, fields, ARRAY_SIZE(fields));

	if (r == 0)
		r = js_print(json_object_get(proposal, "body"), &body);
	if (r == 0)
		printf("%s\n", body);
	return r;
}

static int run_show(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r = proposal_path(ctl, words[0], "", &path);

	if (!r)
		r = ctl_get(ctl, path, &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return print_proposal(answer);
}

/* The answer is the proposal while more must agree, else what the change itself answers. */
static int vote(const struct ctl *ctl, const char *word, const char *suffix)
{
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r = proposal_path(ctl, word, suffix, &path);

	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	if (!json_object_get(answer, "proposal")) {
		printf("Enough agree: the change is made.\n");
		return 0;
	}
	return ctl_print_votes(answer, noun.title, "");
}

static int run_approve(void *options, char **words)
{
	return vote(options, words[0], "/approve");
}

static int run_deny(void *options, char **words)
{
	return vote(options, words[0], "/deny");
}

const struct ctl_verb verb_proposal_list = CTL_VERB("proposal", "list", NULL,
						    "list changes that wait for a quorum",
						    list_rows, struct options, run_list);
const struct ctl_verb verb_proposal_show = CTL_VERB("proposal", "show", "PROPOSAL", "show one",
						    rows, struct ctl, run_show);
const struct ctl_verb verb_proposal_approve = CTL_VERB("proposal", "approve", "PROPOSAL",
						       "agree; the change is made once enough do",
						       rows, struct ctl, run_approve);
const struct ctl_verb verb_proposal_deny = CTL_VERB(
	"proposal", "deny", "PROPOSAL", "refuse it, or take it back", rows, struct ctl, run_deny);
