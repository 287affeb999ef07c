/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl waiver list, waiver cancel.
 */
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

static const struct ctl_noun noun = {
	.path = "/v1/waivers/",
	.list = "waivers",
	.member = "waiver",
	.title = "Waiver",
	.when_empty = "No waivers.",
	.columns = columns,
	.columns_count = ARRAY_SIZE(columns),
};

static const char *const cancelled[] = { "/cancel", "cancelled" };

static int run_list(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_FREE char *path = NULL;
	int r;

	(void)words;
	r = options->device
		    ? ctl_device_query(&options->ctl, "/v1/waivers?device=", options->device, &path)
		    : text_format(&path, "/v1/waivers");
	return r < 0 ? r : ctl_noun_list(&options->ctl, &noun, path);
}

static int run_cancel(void *ctl, char **words)
{
	return ctl_noun_change(ctl, &noun, words[0], json_object(), cancelled);
}

const struct ctl_verb verb_waiver_list = CTL_VERB("waiver", "list", NULL, "list what was allowed",
						  list_rows, struct options, run_list);
const struct ctl_verb verb_waiver_cancel = CTL_VERB("waiver", "cancel", "WAIVER",
						    "take a permission back", cancel_rows,
						    struct ctl, run_cancel);
