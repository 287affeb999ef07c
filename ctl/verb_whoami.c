/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl whoami.
 */
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "user", "user", CTL_TEXT },
	{ "role", "role", CTL_TEXT },
	{ "organization", "organization", CTL_TEXT },
};

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	int r;

	(void)words;
	r = ctl_get(ctl, "/v1/whoami", &answer);
	if (r < 0)
		return r;
	return ctl->json ? ctl_print_json(answer)
			 : ctl_print_fields(answer, columns, ARRAY_SIZE(columns));
}

const struct ctl_verb verb_whoami = {
	.name = "whoami",
	.help = "show whose API token this is",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};
