/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl status: what the server's operators should know, and do.
 */
#include <stdio.h>

#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column kek_columns[] = {
	{ "key-encryption key", "id", CTL_TEXT },     { "since", "since", CTL_TIME },
	{ "portable copy made", "copied", CTL_TIME }, { "and opened", "copy_opened", CTL_TIME },
	{ "old ones kept", "kept", CTL_NUMBER },
};

static const struct ctl_column checkpoint_columns[] = {
	{ "audit checkpoint", "number", CTL_NUMBER },
	{ "signed", "time", CTL_TIME },
};

static const struct ctl_column warning_columns[] = {
	{ "WARNING", "code", CTL_TEXT },
	{ "", "text", CTL_TEXT },
};

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	json_t *kek, *checkpoint;
	int r;

	(void)words;
	r = ctl_get(ctl, "/v1/status", &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_object(answer, "kek", &kek);
	if (r == 0)
		r = js_object(answer, "checkpoint", &checkpoint);
	if (r == 0)
		r = ctl_print_fields(kek, kek_columns, ARRAY_SIZE(kek_columns));
	if (r == 0)
		r = ctl_print_fields(checkpoint, checkpoint_columns,
				     ARRAY_SIZE(checkpoint_columns));
	printf("\n");
	if (r == 0)
		r = ctl_print_table(json_object_get(answer, "warnings"), warning_columns,
				    ARRAY_SIZE(warning_columns), "No warnings.");
	return r;
}

const struct ctl_verb verb_status = {
	.name = "status",
	.help = "show the server's keys and audit, and what is to be done",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};
