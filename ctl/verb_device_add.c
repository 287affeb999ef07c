/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device add: a device for a LUKS volume that exists already; prints the command
 * that binds it.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *name;
	struct option_list tags, allow_from;
};

static const struct option_row rows[] = {
	{ "name", NULL, OPTION_TEXT, offsetof(struct options, name), "NAME", "for people" },
	{ "tag", NULL, OPTION_LIST, offsetof(struct options, tags), "NAME=VALUE",
	  "may be repeated" },
	{ "allow-from", NULL, OPTION_LIST, offsetof(struct options, allow_from), "CIDR",
	  "it may unlock from here; at least one, may be repeated" },
	CTL_ROWS,
};

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	const char *command;
	int r;

	(void)words;
	if (!options->name || options->allow_from.count == 0)
		return fail(-EINVAL, "--name and --allow-from are needed");
	r = ctl_post(&options->ctl, "/v1/devices",
		     json_pack("{s:s, s:o, s:o}", "name", options->name, "tags",
			       ctl_list(&options->tags), "allow_from",
			       ctl_list(&options->allow_from)),
		     &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "bind_command", &command);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	printf("%s\n", command);
	fprintf(stderr, "Run this on the machine, with DEVICE replaced by the LUKS volume.\n");
	return 0;
}

const struct ctl_verb verb_device_add = {
	.noun = "device",
	.name = "add",
	.help = "add a device for an existing LUKS volume",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
