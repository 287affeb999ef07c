/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl approval-group create, list, set, delete.
 */
#include <errno.h>

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

static const struct ctl_noun noun = {
	.path = "/v1/approval-groups/",
	.list = "approval_groups",
	.member = "name",
	.title = "Approval group",
	.when_empty = "No approval groups.",
	.columns = columns,
	.columns_count = ARRAY_SIZE(columns),
};

static const char *const changed[] = { "/set", "changed" };
static const char *const deleted[] = { "/delete", "deleted" };

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

static int run_create(void *opaque, char **words)
{
	const struct options *options = opaque;
	json_t *body = NULL;
	int r = make_body(options, &body);

	if (r < 0)
		return r;
	json_object_set_new(body, "name", json_string(words[0]));
	return ctl_noun_post(&options->ctl, &noun, "/v1/approval-groups", body, "created");
}

static int run_set(void *opaque, char **words)
{
	const struct options *options = opaque;
	json_t *body = NULL;
	int r = make_body(options, &body);

	return r < 0 ? r : ctl_noun_change(&options->ctl, &noun, words[0], body, changed);
}

static int run_list(void *ctl, char **words)
{
	(void)words;
	return ctl_noun_list(ctl, &noun, "/v1/approval-groups");
}

static int run_delete(void *ctl, char **words)
{
	return ctl_noun_change(ctl, &noun, words[0], json_object(), deleted);
}

const struct ctl_verb verb_group_create = CTL_VERB("approval-group", "create", "NAME",
						   "have people approve unlocks of tagged devices",
						   set_rows, struct options, run_create);
const struct ctl_verb verb_group_list = CTL_VERB(
	"approval-group", "list", NULL, "list approval groups", rows, struct ctl, run_list);
const struct ctl_verb verb_group_set = CTL_VERB("approval-group", "set", "NAME",
						"replace its tags, approvers, quorum", set_rows,
						struct options, run_set);
const struct ctl_verb verb_group_delete = CTL_VERB("approval-group", "delete", "NAME", "delete one",
						   rows, struct ctl, run_delete);
