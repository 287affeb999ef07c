/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device allow-once: a waiver for a device that a rule would refuse.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	uint64_t boots, replies;
	const char *window, *expires_in, *from, *comment;
	struct option_list waives;
	bool any_address;
};

static const struct option_row rows[] = {
	{ "boots", NULL, OPTION_NUMBER, offsetof(struct options, boots), "N",
	  "so many boots (default: 1)" },
	{ "replies", NULL, OPTION_NUMBER, offsetof(struct options, replies), "N",
	  "replies a boot (default: 3; give twice the number of volumes)" },
	{ "window", NULL, OPTION_TEXT, offsetof(struct options, window), "TIME",
	  "how long a boot lasts, from its first reply (default: 120s)" },
	{ "expires-in", NULL, OPTION_TEXT, offsetof(struct options, expires_in), "TIME",
	  "no boot begins after that (default: 24h)" },
	{ "from", NULL, OPTION_TEXT, offsetof(struct options, from), "ADDR",
	  "for this address only" },
	{ "waive", NULL, OPTION_LIST, offsetof(struct options, waives), "RULE",
	  "disabled, absence, quarantine or approval; may be repeated (default: all)" },
	{ "any-address", NULL, OPTION_FLAG, offsetof(struct options, any_address), NULL,
	  "from addresses that aren't the device's, too" },
	{ "comment", NULL, OPTION_TEXT, offsetof(struct options, comment), "TEXT", "for people" },
	CTL_ROWS,
};

static int add_duration(json_t *body, const char *name, const char *text)
{
	uint64_t seconds;
	int r;

	if (!text)
		return 0;
	r = ctl_duration(text, &seconds);
	if (r < 0)
		return r;
	return json_object_set_new(body, name, json_integer((json_int_t)seconds))
		       ? fail(-ENOMEM, "out of memory")
		       : 0;
}

static int make_body(const struct options *options, json_t **ret)
{
	CLEANUP_JSON json_t *body = json_object();
	int r = add_duration(body, "window_s", options->window);

	if (!r)
		r = add_duration(body, "expires_in_s", options->expires_in);
	if (r < 0)
		return r;
	if (options->boots)
		json_object_set_new(body, "boots", json_integer((json_int_t)options->boots));
	if (options->replies)
		json_object_set_new(body, "replies", json_integer((json_int_t)options->replies));
	if (options->from)
		json_object_set_new(body, "from", json_string(options->from));
	if (options->comment)
		json_object_set_new(body, "comment", json_string(options->comment));
	if (options->waives.count > 0)
		json_object_set_new(body, "waives", ctl_list(&options->waives));
	json_object_set_new(body, "any_address", json_boolean(options->any_address));
	*ret = TAKE_PTR(body);
	return 0;
}

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id, *state;
	json_t *body = NULL;
	int r;

	r = make_body(options, &body);
	if (r < 0)
		return r;
	r = ctl_device_path(&options->ctl, words[0], "/allow-once", &path);
	if (r < 0) {
		json_decref(body);
		return r;
	}
	r = ctl_post(&options->ctl, path, body, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "waiver", &id);
	if (!r)
		r = js_string(answer, "state", &state);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	printf("Waiver %s is %s. To take it back: panocryptctl waiver cancel %s\n", id, state, id);
	return 0;
}

const struct ctl_verb verb_device_allow_once = {
	.noun = "device",
	.name = "allow-once",
	.argument = "DEVICE",
	.arguments = 1,
	.help = "let it unlock although a rule says no",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
