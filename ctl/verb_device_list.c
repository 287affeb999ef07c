/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device list.
 */
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "DEVICE", "device", CTL_TEXT },	{ "NAME", "name", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },		{ "PHASE", "phase", CTL_TEXT },
	{ "PERCENT", "percent", CTL_PERCENT },	{ "RATE", "bytes_per_s", CTL_RATE },
	{ "LEFT", "eta_s", CTL_SECONDS },	{ "WAITING", "waiting", CTL_TEXT },
	{ "LAST SEEN", "last_seen", CTL_TIME }, { "TAGS", "tags", CTL_LIST },
};

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	int r;

	(void)words;
	r = ctl_get(ctl, "/v1/devices", &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, "devices"), columns, ARRAY_SIZE(columns),
			       "No devices.");
}

const struct ctl_verb verb_device_list = {
	.noun = "device",
	.name = "list",
	.help = "list devices",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};
