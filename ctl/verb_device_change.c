/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device disable, enable, revoke, release, destroy, rotate, drop-old-keys: one change
 * of a device's state.
 */
#include <stdio.h>

#include "common/strbuf.h"
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

/* A backup has the wrapped key still, and whoever has the KEK opens it. */
static int say_finality(const json_t *device)
{
	uint64_t destroyed, final;
	int r = js_u64(device, "destroyed", &destroyed);

	if (r == 0)
		r = js_u64(device, "final", &final);
	if (r < 0 || destroyed == 0)
		return r;
	if (final > 0)
		printf("That is final: the key that wrapped its keys is destroyed.\n");
	else
		printf("That is final once the key-encryption key that wrapped its keys is "
		       "destroyed:\nby \"panocryptd kek rotate --destroy-old\", on the server. "
		       "Until "
		       "then a backup made before\ncan bring them back.\n");
	return 0;
}

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
	return say_finality(answer);
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

static int run_destroy(void *options, char **words)
{
	return change(options, words[0], "/destroy");
}

static int run_rotate(void *options, char **words)
{
	return change(options, words[0], "/rotate");
}

static int run_drop(void *options, char **words)
{
	return change(options, words[0], "/drop-old-keys");
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
const struct ctl_verb verb_device_destroy = CHANGE(
	"destroy", "remove the keys of a revoked device for good", run_destroy);
const struct ctl_verb verb_device_rotate = CHANGE(
	"rotate", "give it new keys; its old ones unlock until they are dropped", run_rotate);
const struct ctl_verb verb_device_drop = CHANGE("drop-old-keys",
						"end what is bound to its old keys", run_drop);
const struct ctl_verb verb_device_release = CHANGE(
	"release", "let a held device unlock by its policy", run_release);
