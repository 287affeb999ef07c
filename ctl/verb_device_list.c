/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device list.
 */
#include <stdio.h>

#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *absent_within;
};

static const struct option_row rows[] = {
	{ "absent-within", NULL, OPTION_TEXT, offsetof(struct options, absent_within), "TIME",
	  "only those that are absent by then: they will have to be approved, or are denied" },
	CTL_ROWS,
};

static const struct ctl_column columns[] = {
	{ "DEVICE", "device", CTL_TEXT },	{ "NAME", "name", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },		{ "PHASE", "phase", CTL_TEXT },
	{ "PERCENT", "percent", CTL_PERCENT },	{ "RATE", "bytes_per_s", CTL_RATE },
	{ "LEFT", "eta_s", CTL_SECONDS },	{ "WAITING", "waiting", CTL_TEXT },
	{ "LAST SEEN", "last_seen", CTL_TIME }, { "TAGS", "tags", CTL_LIST },
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	const struct ctl *ctl = &options->ctl;
	CLEANUP_JSON json_t *answer = NULL;
	char path[64] = "/v1/devices";
	uint64_t seconds = 0;
	int r = options->absent_within ? ctl_duration(options->absent_within, &seconds) : 0;

	(void)words;
	if (options->absent_within)
		snprintf(path, sizeof(path), "/v1/devices?absent_within_s=%llu",
			 (unsigned long long)MAX(seconds, 1));
	if (r == 0)
		r = ctl_get(ctl, path, &answer);
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
	.options_bytes = sizeof(struct options),
	.run = run,
};
