/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device set: changes a device's policy; what isn't named stays.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *name, *environment, *workload, *approval, *absent_after, *absence, *reboots;
	struct option_list tags, allow_from, add_from, remove_from, lists;
};

static const struct option_row rows[] = {
	{ "name", NULL, OPTION_TEXT, offsetof(struct options, name), "NAME", "for people" },
	{ "tag", NULL, OPTION_LIST, offsetof(struct options, tags), "NAME=VALUE",
	  "in place of all its tags; may be repeated; or none" },
	{ "environment", NULL, OPTION_TEXT, offsetof(struct options, environment), "TEXT",
	  "such as production" },
	{ "workload", NULL, OPTION_TEXT, offsetof(struct options, workload), "TEXT",
	  "such as database" },
	{ "allow-from", NULL, OPTION_LIST, offsetof(struct options, allow_from), "CIDR",
	  "in place of all its own addresses; may be repeated; or none" },
	{ "add-from", NULL, OPTION_LIST, offsetof(struct options, add_from), "CIDR",
	  "one more; may be repeated" },
	{ "remove-from", NULL, OPTION_LIST, offsetof(struct options, remove_from), "CIDR",
	  "one less; may be repeated" },
	{ "network-list", NULL, OPTION_LIST, offsetof(struct options, lists), "NAME",
	  "in place of all its lists; may be repeated; or none" },
	{ "approval", NULL, OPTION_TEXT, offsetof(struct options, approval), "WHEN",
	  "people must approve its unlocks: none, active (not while converting), always" },
	{ "absent-after", NULL, OPTION_TEXT, offsetof(struct options, absent_after), "TIME",
	  "not seen for so long, it is absent; 0 for never" },
	{ "absence", NULL, OPTION_TEXT, offsetof(struct options, absence), "WHAT",
	  "an absent device: ask (for approval) or deny" },
	{ "reboots", NULL, OPTION_TEXT, offsetof(struct options, reboots), "WHICH",
	  "any, or announced: an unlock that nobody expected leaves an alert" },
	CTL_ROWS,
};

static int add_texts(const struct options *options, json_t *body)
{
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "name", options->name },	   { "environment", options->environment },
		{ "workload", options->workload }, { "approval", options->approval },
		{ "absence", options->absence },   { "reboots", options->reboots },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].value &&
		    json_object_set_new(body, texts[i].name, json_string(texts[i].value)))
			return fail(-EINVAL, "--%s isn't UTF-8", texts[i].name);
	return 0;
}

static int add_lists(const struct options *options, json_t *body)
{
	const struct {
		const char *name;
		const struct option_list *value;
	} lists[] = {
		{ "tags", &options->tags },	      { "allow_from", &options->allow_from },
		{ "add_from", &options->add_from },   { "remove_from", &options->remove_from },
		{ "network_lists", &options->lists },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].value->count > 0 &&
		    json_object_set_new(body, lists[i].name, ctl_list_or_none(lists[i].value)))
			return fail(-ENOMEM, "out of memory");
	return 0;
}

static int make_body(const struct options *options, json_t **ret)
{
	CLEANUP_JSON json_t *body = json_object();
	uint64_t absent_s;
	int r = add_texts(options, body);

	if (!r)
		r = add_lists(options, body);
	if (!r && options->absent_after) {
		r = ctl_duration(options->absent_after, &absent_s);
		if (!r)
			json_object_set_new(body, "absence_s", json_integer((json_int_t)absent_s));
	}
	if (!r && json_object_size(body) == 0)
		r = fail(-EINVAL, "nothing to set: see \"panocryptctl device set --help\"");
	if (!r)
		*ret = TAKE_PTR(body);
	return r;
}

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *body = NULL, *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id;
	int r;

	r = make_body(options, &body);
	if (!r)
		r = ctl_device_path(&options->ctl, words[0], "/set", &path);
	if (!r)
		r = ctl_post(&options->ctl, path, TAKE_PTR(body), &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "device", &id);
	if (r == 0)
		printf("Device %s is changed, for its next request on.\n", id);
	return r;
}

const struct ctl_verb verb_device_set = {
	.noun = "device",
	.name = "set",
	.argument = "DEVICE",
	.arguments = 1,
	.help = "change addresses, network lists, tags, approval, absence",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
