/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl network-list create, list, show, set, delete.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	struct option_list ranges;
	const char *description;
};

static const struct option_row set_rows[] = {
	{ "range", NULL, OPTION_LIST, offsetof(struct options, ranges), "CIDR",
	  "all of its ranges; may be repeated; or none" },
	{ "description", NULL, OPTION_TEXT, offsetof(struct options, description), "TEXT",
	  "for people" },
	CTL_ROWS,
};
static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "NAME", "name", CTL_TEXT },
	{ "RANGES", "ranges", CTL_LIST },
	{ "CHANGED", "changed", CTL_TIME },
	{ "BY", "created_by", CTL_TEXT },
	{ "DESCRIPTION", "description", CTL_TEXT },
};

static const struct ctl_noun noun = {
	.path = "/v1/network-lists/",
	.list = "network_lists",
	.member = "name",
	.title = "Network list",
	.when_empty = "No network lists.",
	.columns = columns,
	.columns_count = ARRAY_SIZE(columns),
};

static const char *const changed[] = { "/set", "changed" };
static const char *const deleted[] = { "/delete", "deleted" };

/* Only what was given. */
static json_t *make_body(const struct options *options)
{
	json_t *body = json_object();

	if (options->ranges.count > 0)
		json_object_set_new(body, "ranges", ctl_list_or_none(&options->ranges));
	if (options->description)
		json_object_set_new(body, "description", json_string(options->description));
	return body;
}

static int run_create(void *opaque, char **words)
{
	const struct options *options = opaque;
	json_t *body;

	if (options->ranges.count == 0)
		return fail(-EINVAL, "--range is needed");
	body = make_body(options);
	json_object_set_new(body, "name", json_string(words[0]));
	return ctl_noun_post(&options->ctl, &noun, "/v1/network-lists", body, "created");
}

static int run_list(void *ctl, char **words)
{
	(void)words;
	return ctl_noun_list(ctl, &noun, "/v1/network-lists");
}

static int run_show(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	r = ctl_word_path("/v1/network-lists/", words[0], "", &path);
	if (!r)
		r = ctl_get(ctl, path, &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_fields(answer, columns, ARRAY_SIZE(columns));
}

static int run_set(void *opaque, char **words)
{
	const struct options *options = opaque;

	return ctl_noun_change(&options->ctl, &noun, words[0], make_body(options), changed);
}

static int run_delete(void *ctl, char **words)
{
	return ctl_noun_change(ctl, &noun, words[0], json_object(), deleted);
}

const struct ctl_verb verb_network_create = CTL_VERB("network-list", "create", "NAME",
						     "name a set of addresses", set_rows,
						     struct options, run_create);
const struct ctl_verb verb_network_list = CTL_VERB(
	"network-list", "list", NULL, "list network lists", rows, struct ctl, run_list);
const struct ctl_verb verb_network_show = CTL_VERB(
	"network-list", "show", "NAME", "show one network list", rows, struct ctl, run_show);
const struct ctl_verb verb_network_set = CTL_VERB("network-list", "set", "NAME",
						  "change one, for all devices that name it",
						  set_rows, struct options, run_set);
const struct ctl_verb verb_network_delete = CTL_VERB("network-list", "delete", "NAME",
						     "delete one that nothing names", rows,
						     struct ctl, run_delete);
