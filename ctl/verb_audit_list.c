/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl audit list.
 */
#include <stdio.h>

#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	uint64_t limit, after;
};

static const struct option_row rows[] = {
	{ "limit", NULL, OPTION_NUMBER, offsetof(struct options, limit), "N",
	  "at most so many (default: 100)" },
	{ "after", NULL, OPTION_NUMBER, offsetof(struct options, after), "SEQ",
	  "those behind this number, oldest first (default: the newest, newest first)" },
	CTL_ROWS,
};

static const struct ctl_column columns[] = {
	{ "SEQ", "seq", CTL_NUMBER },	  { "TIME", "time", CTL_TIME },
	{ "EVENT", "event", CTL_TEXT },	  { "ACTOR", "actor", CTL_TEXT },
	{ "DEVICE", "device", CTL_TEXT }, { "SOURCE", "source", CTL_TEXT },
	{ "REASON", "reason", CTL_TEXT }, { "TIMES", "count", CTL_NUMBER },
	{ "DETAIL", "detail", CTL_TEXT },
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	int r;

	(void)words;
	r = text_format(&path, "/v1/audit?limit=%llu&after=%llu",
			(unsigned long long)(options->limit ? options->limit : 100),
			(unsigned long long)options->after);
	if (!r)
		r = ctl_get(&options->ctl, path, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "events"), columns, ARRAY_SIZE(columns),
			       "No events.");
}

const struct ctl_verb verb_audit_list = {
	.noun = "audit",
	.name = "list",
	.help = "show what happened",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
