/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl approval-group create, list, set, delete.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	struct option_list tags, approvers;
	uint64_t quorum;
	const char *change_delay;
};

static const struct option_row set_rows[] = {
	{ "tag", NULL, OPTION_LIST, offsetof(struct options, tags), "NAME=VALUE",
	  "devices with this tag are under the group; may be repeated" },
	{ "approver", NULL, OPTION_LIST, offsetof(struct options, approvers), "USER",
	  "may decide; may be repeated (default: whoever has the role)" },
	{ "quorum", NULL, OPTION_NUMBER, offsetof(struct options, quorum), "N",
	  "how many must say yes (default: 1)" },
	{ "change-delay", NULL, OPTION_TEXT, offsetof(struct options, change_delay), "TIME",
	  "so long after a change was proposed, who proposed it may have it made (default: "
	  "never)" },
	CTL_ROWS,
};
static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "NAME", "name", CTL_TEXT },
	{ "TAGS", "tags", CTL_LIST },
	{ "APPROVERS", "approvers", CTL_LIST },
	{ "QUORUM", "quorum", CTL_NUMBER },
	{ "DELAY", "change_delay_s", CTL_NUMBER },
	{ "CHANGED", "changed", CTL_TIME },
	{ "BY", "created_by", CTL_TEXT },
};

static int make_body(const struct options *options, json_t **ret)
{
	uint64_t delay_s = 0;
	json_t *body;

	if (options->tags.count == 0)
		return fail(-EINVAL, "--tag is needed");
	if (options->change_delay && ctl_duration(options->change_delay, &delay_s) < 0)
		return fail_at(-EINVAL, "--change-delay");
	body = json_pack("{s:o, s:o, s:I, s:I}", "tags", ctl_list(&options->tags), "approvers",
			 ctl_list(&options->approvers), "quorum",
			 (json_int_t)MAX(options->quorum, 1), "change_delay_s",
			 (json_int_t)delay_s);
	*ret = body;
	return body ? 0 : fail(-ENOMEM, "out of memory");
}

static int print_changed(const struct ctl *ctl, const json_t *answer, const char *what)
{
	const char *name;
	int r;

	if (ctl->json)
		return ctl_print_json(answer);
	r = js_string(answer, "name", &name);
	if (r == 0)
		printf("Approval group %s is %s.\n", name, what);
	return r;
}

static int run_create(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	json_t *body = NULL;
	int r = make_body(options, &body);

	if (r < 0)
		return r;
	json_object_set_new(body, "name", json_string(words[0]));
	r = ctl_post(&options->ctl, "/v1/approval-groups", body, &answer);
	return r < 0 ? r : print_changed(&options->ctl, answer, "created");
}

static int run_set(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *body = NULL, *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r = make_body(options, &body);

	if (!r)
		r = ctl_word_path("/v1/approval-groups/", words[0], "/set", &path);
	if (!r)
		r = ctl_post(&options->ctl, path, TAKE_PTR(body), &answer);
	return r < 0 ? r : print_changed(&options->ctl, answer, "changed");
}

static int run_list(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	int r = ctl_get(ctl, "/v1/approval-groups", &answer);

	(void)words;
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "approval_groups"), columns,
			       ARRAY_SIZE(columns), "No approval groups.");
}

static int run_delete(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r = ctl_word_path("/v1/approval-groups/", words[0], "/delete", &path);

	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	return r < 0 ? r : print_changed(ctl, answer, "deleted");
}

#define VERB(name_, argument_, help_, rows_, type_, run_)                                          \
	{                                                                                          \
		.noun = "approval-group", .name = name_, .argument = argument_,                    \
		.arguments = (argument_) ? 1 : 0, .help = help_, .rows = rows_,                    \
		.rows_count = ARRAY_SIZE(rows_), .options_bytes = sizeof(type_), .run = run_       \
	}

const struct ctl_verb verb_group_create = VERB("create", "NAME",
					       "have people approve unlocks of tagged devices",
					       set_rows, struct options, run_create);
const struct ctl_verb verb_group_list = VERB("list", NULL, "list approval groups", rows, struct ctl,
					     run_list);
const struct ctl_verb verb_group_set = VERB("set", "NAME", "replace its tags, approvers, quorum",
					    set_rows, struct options, run_set);
const struct ctl_verb verb_group_delete = VERB("delete", "NAME", "delete one", rows, struct ctl,
					       run_delete);
