/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl policy explain: what would be decided now, rule by rule.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *from;
};

static const struct option_row rows[] = {
	{ "from", NULL, OPTION_TEXT, offsetof(struct options, from), "ADDR",
	  "as if it asked from here" },
	CTL_ROWS,
};

static const struct ctl_column fields[] = {
	{ "device", "device", CTL_TEXT },   { "from", "from", CTL_TEXT },
	{ "verdict", "verdict", CTL_TEXT }, { "reason", "reason", CTL_TEXT },
	{ "range", "matched", CTL_TEXT },   { "range of", "matched_by", CTL_TEXT },
	{ "waiver", "waiver", CTL_TEXT },   { "what to do", "advice", CTL_TEXT },
	{ "command", "command", CTL_TEXT },
};

static const struct ctl_column columns[] = {
	{ "RULE", "rule", CTL_TEXT },
	{ "BY ITSELF", "outcome", CTL_TEXT },
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_STRBUF struct strbuf path = STRBUF_EMPTY;
	CLEANUP_FREE char *device = NULL, *text = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	int r;

	if (!options->from)
		return fail(-EINVAL, "--from is needed");
	r = ctl_device_path(&options->ctl, words[0], "/explain", &device);
	if (r < 0)
		return r;
	strbuf_add(&path, device);
	ctl_query(&path, "from", options->from);
	r = strbuf_take(&path, &text);
	if (!r)
		r = ctl_get(&options->ctl, text, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = ctl_print_fields(answer, fields, ARRAY_SIZE(fields));
	printf("\n");
	return r < 0 ? r
		     : ctl_print_table(json_object_get(answer, "rules"), columns,
				       ARRAY_SIZE(columns), "No rules.");
}

const struct ctl_verb verb_policy_explain = {
	.noun = "policy",
	.name = "explain",
	.argument = "DEVICE",
	.arguments = 1,
	.help = "show what would be decided now, and why",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
