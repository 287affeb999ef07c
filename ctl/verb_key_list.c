/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl enrollment-key list.
 */
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "ID", "id", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },
	{ "USES", "uses", CTL_NUMBER },
	{ "OF", "max_uses", CTL_NUMBER },
	{ "EXPIRES", "expires", CTL_TIME },
	{ "TAGS", "tags", CTL_LIST },
	{ "ALLOW FROM", "allow_from", CTL_LIST },
	{ "BY", "created_by", CTL_TEXT },
	{ "DESCRIPTION", "description", CTL_TEXT },
};

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	int r;

	(void)words;
	r = ctl_get(ctl, "/v1/enrollment-keys", &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "enrollment_keys"), columns,
			       ARRAY_SIZE(columns), "No enrollment keys.");
}

const struct ctl_verb verb_key_list = {
	.noun = "enrollment-key",
	.name = "list",
	.help = "list enrollment keys",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};
