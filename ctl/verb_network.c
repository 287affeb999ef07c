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

static int print_changed(const struct ctl *ctl, const json_t *answer, const char *what)
{
	const char *name;
	int r;

	if (ctl->json)
		return ctl_print_json(answer);
	r = js_string(answer, "name", &name);
	if (r == 0)
		printf("Network list %s is %s.\n", name, what);
	return r;
}

static int run_create(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	json_t *body;
	int r;

	if (options->ranges.count == 0)
		return fail(-EINVAL, "--range is needed");
	body = make_body(options);
	json_object_set_new(body, "name", json_string(words[0]));
	r = ctl_post(&options->ctl, "/v1/network-lists", body, &answer);
	return r < 0 ? r : print_changed(&options->ctl, answer, "created");
}

static int run_list(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	int r = ctl_get(ctl, "/v1/network-lists", &answer);

	(void)words;
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "network_lists"), columns,
			       ARRAY_SIZE(columns), "No network lists.");
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
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	r = ctl_word_path("/v1/network-lists/", words[0], "/set", &path);
	if (!r)
		r = ctl_post(&options->ctl, path, make_body(options), &answer);
	return r < 0 ? r : print_changed(&options->ctl, answer, "changed");
}

static int run_delete(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	r = ctl_word_path("/v1/network-lists/", words[0], "/delete", &path);
	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	return r < 0 ? r : print_changed(ctl, answer, "deleted");
}

#define VERB(name_, argument_, help_, rows_, type_, run_)                                          \
	{                                                                                          \
		.noun = "network-list", .name = name_, .argument = argument_,                      \
		.arguments = (argument_) ? 1 : 0, .help = help_, .rows = rows_,                    \
		.rows_count = ARRAY_SIZE(rows_), .options_bytes = sizeof(type_), .run = run_       \
	}

const struct ctl_verb verb_network_create = VERB("create", "NAME", "name a set of addresses",
						 set_rows, struct options, run_create);
const struct ctl_verb verb_network_list = VERB("list", NULL, "list network lists", rows, struct ctl,
					       run_list);
const struct ctl_verb verb_network_show = VERB("show", "NAME", "show one network list", rows,
					       struct ctl, run_show);
const struct ctl_verb verb_network_set = VERB("set", "NAME",
					      "change one, for all devices that name it", set_rows,
					      struct options, run_set);
const struct ctl_verb verb_network_delete = VERB("delete", "NAME", "delete one that nothing names",
						 rows, struct ctl, run_delete);
