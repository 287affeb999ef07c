/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device disable, enable, revoke, release: one change of a device's state.
 */
#include <stdio.h>

#include "common/strbuf.h"
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static int change(const struct ctl *ctl, const char *word, const char *suffix)
{
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id, *state;
	int r;

	r = ctl_device_path(ctl, word, suffix, &path);
	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "device", &id);
	if (!r)
		r = js_string(answer, "state", &state);
	if (r < 0)
		return r;
	printf("Device %s is now %s.\n", id, state);
	return 0;
}

static int run_disable(void *options, char **words)
{
	return change(options, words[0], "/disable");
}

static int run_enable(void *options, char **words)
{
	return change(options, words[0], "/enable");
}

static int run_revoke(void *options, char **words)
{
	return change(options, words[0], "/revoke");
}

static int run_release(void *options, char **words)
{
	return change(options, words[0], "/release");
}

#define CHANGE(name_, help_, run_)                                                                 \
	{                                                                                          \
		.noun = "device", .name = name_, .argument = "DEVICE", .arguments = 1,             \
		.help = help_, .rows = rows, .rows_count = ARRAY_SIZE(rows),                       \
		.options_bytes = sizeof(struct ctl), .run = run_                                   \
	}

const struct ctl_verb verb_device_disable = CHANGE(
	"disable", "refuse unlocks until it is enabled again", run_disable);
const struct ctl_verb verb_device_enable = CHANGE("enable", "take a disabled device back",
						  run_enable);
const struct ctl_verb verb_device_revoke = CHANGE("revoke", "refuse unlocks for ever", run_revoke);
const struct ctl_verb verb_device_release = CHANGE(
	"release", "let a held device unlock by its policy", run_release);
