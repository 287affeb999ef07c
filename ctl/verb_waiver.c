/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl waiver list, waiver cancel.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *device;
};

static const struct option_row list_rows[] = {
	{ "device", NULL, OPTION_TEXT, offsetof(struct options, device), "DEVICE",
	  "of this device only" },
	CTL_ROWS,
};
static const struct option_row cancel_rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "WAIVER", "waiver", CTL_TEXT },      { "DEVICE", "device", CTL_TEXT },
	{ "KIND", "kind", CTL_TEXT },	       { "STATE", "state", CTL_TEXT },
	{ "WAIVES", "waives", CTL_LIST },      { "FROM", "from", CTL_TEXT },
	{ "BOOTS", "boots_left", CTL_NUMBER }, { "OF", "boots", CTL_NUMBER },
	{ "REPLIES", "replies", CTL_NUMBER },  { "EXPIRES", "expires", CTL_TIME },
	{ "BY", "created_by", CTL_TEXT },      { "COMMENT", "comment", CTL_TEXT },
};

static int run_list(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	(void)words;
	r = options->device
		    ? ctl_device_query(&options->ctl, "/v1/waivers?device=", options->device, &path)
		    : text_format(&path, "/v1/waivers");
	if (!r)
		r = ctl_get(&options->ctl, path, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "waivers"), columns, ARRAY_SIZE(columns),
			       "No waivers.");
}

static int run_cancel(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id;
	int r;

	r = ctl_word_path("/v1/waivers/", words[0], "/cancel", &path);
	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "waiver", &id);
	if (r == 0)
		printf("Waiver %s is cancelled.\n", id);
	return r;
}

const struct ctl_verb verb_waiver_list = {
	.noun = "waiver",
	.name = "list",
	.help = "list what was allowed",
	.rows = list_rows,
	.rows_count = ARRAY_SIZE(list_rows),
	.options_bytes = sizeof(struct options),
	.run = run_list,
};

const struct ctl_verb verb_waiver_cancel = {
	.noun = "waiver",
	.name = "cancel",
	.argument = "WAIVER",
	.arguments = 1,
	.help = "take a permission back",
	.rows = cancel_rows,
	.rows_count = ARRAY_SIZE(cancel_rows),
	.options_bytes = sizeof(struct ctl),
	.run = run_cancel,
};
