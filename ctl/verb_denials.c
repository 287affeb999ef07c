/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl denials: why a machine was refused, and the one change that would allow it.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *from, *device;
	uint64_t limit;
};

static const struct option_row rows[] = {
	{ "from", NULL, OPTION_TEXT, offsetof(struct options, from), "ADDR",
	  "from this address only" },
	{ "device", NULL, OPTION_TEXT, offsetof(struct options, device), "DEVICE",
	  "of this device only" },
	{ "limit", NULL, OPTION_NUMBER, offsetof(struct options, limit), "N",
	  "at most so many (default: 100)" },
	CTL_ROWS,
};

static const struct ctl_column columns[] = {
	{ "TIME", "time", CTL_TIME },	    { "DEVICE", "device", CTL_TEXT },
	{ "SOURCE", "source", CTL_TEXT },   { "REASON", "reason", CTL_TEXT },
	{ "TIMES", "count", CTL_NUMBER },   { "WHAT TO DO", "advice", CTL_TEXT },
	{ "COMMAND", "command", CTL_TEXT },
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_STRBUF struct strbuf path = STRBUF_EMPTY;
	CLEANUP_FREE char *text = NULL, *device = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	char limit[24];
	int r;

	(void)words;
	snprintf(limit, sizeof(limit), "%llu",
		 (unsigned long long)(options->limit ? options->limit : 100));
	if (options->device) {
		r = ctl_device_query(&options->ctl, "/v1/denials?device=", options->device,
				     &device);
		if (r < 0)
			return r;
	}
	strbuf_add(&path, device ? device : "/v1/denials");
	ctl_query(&path, "limit", limit);
	if (options->from)
		ctl_query(&path, "from", options->from);
	r = strbuf_take(&path, &text);
	if (!r)
		r = ctl_get(&options->ctl, text, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "denials"), columns, ARRAY_SIZE(columns),
			       "No denials.");
}

const struct ctl_verb verb_denials = {
	.name = "denials",
	.help = "show who was refused, why, and what would allow it",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
