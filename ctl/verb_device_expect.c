/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device expect-reboot: unlocks within the window are no surprise.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *in, *within;
};

static const struct option_row rows[] = {
	{ "in", NULL, OPTION_TEXT, offsetof(struct options, in), "TIME",
	  "when the window begins (default: now)" },
	{ "for", NULL, OPTION_TEXT, offsetof(struct options, within), "TIME",
	  "how long it lasts (default: 1h)" },
	CTL_ROWS,
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	uint64_t in_s = 0, for_s = 0;
	int r = ctl_duration(options->in ? options->in : "0s", &in_s);

	if (!r)
		r = ctl_duration(options->within ? options->within : "1h", &for_s);
	if (!r)
		r = ctl_device_path(&options->ctl, words[0], "/expect-reboot", &path);
	if (!r)
		r = ctl_post(&options->ctl, path,
			     json_pack("{s:I, s:I}", "in_s", (json_int_t)in_s, "for_s",
				       (json_int_t)for_s),
			     &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	printf("Announced: unlocks of the device are expected for %llu s%s.\n",
	       (unsigned long long)for_s, in_s ? " from then on" : " from now on");
	return 0;
}

const struct ctl_verb verb_device_expect = {
	.noun = "device",
	.name = "expect-reboot",
	.argument = "DEVICE",
	.arguments = 1,
	.help = "announce a reboot, so that its unlock is no surprise",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
