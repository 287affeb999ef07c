/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl enrollment-key create: the key alone goes to standard output, for scripts; what it
 * is good for goes to standard error.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	const char *description, *expires_in, *approval, *environment, *workload, *absent_after;
	struct option_list tags, allow_from, redeem_from, networks;
	uint64_t max_uses, rate_per_hour, live_max;
	bool hold, ephemeral;
};

static const struct option_row rows[] = {
	{ "tag", NULL, OPTION_LIST, offsetof(struct options, tags), "NAME=VALUE",
	  "given to each device; may be repeated" },
	{ "allow-from", NULL, OPTION_LIST, offsetof(struct options, allow_from), "CIDR",
	  "devices may unlock from here; may be repeated" },
	{ "redeem-from", NULL, OPTION_LIST, offsetof(struct options, redeem_from), "CIDR",
	  "the key may be used from here only; may be repeated" },
	{ "max-uses", NULL, OPTION_NUMBER, offsetof(struct options, max_uses), "N",
	  "how many devices it may enroll (default: 1)" },
	{ "rate-per-hour", NULL, OPTION_NUMBER, offsetof(struct options, rate_per_hour), "N",
	  "so many an hour at most" },
	{ "live-max", NULL, OPTION_NUMBER, offsetof(struct options, live_max), "N",
	  "so many of its devices at once, not counting revoked ones" },
	{ "expires-in", NULL, OPTION_TEXT, offsetof(struct options, expires_in), "TIME",
	  "such as 30m, 24h, 7d (default: 24h)" },
	{ "network-list", NULL, OPTION_LIST, offsetof(struct options, networks), "NAME",
	  "devices may unlock from these, too; may be repeated" },
	{ "approval", NULL, OPTION_TEXT, offsetof(struct options, approval), "WHEN",
	  "people approve unlocks: none, active or always (default: none)" },
	{ "hold", NULL, OPTION_FLAG, offsetof(struct options, hold), NULL,
	  "devices unlock nothing until each is released" },
	{ "ephemeral", NULL, OPTION_FLAG, offsetof(struct options, ephemeral), NULL,
	  "devices that aren't away for longer than 24h, or --absent-after" },
	{ "absent-after", NULL, OPTION_TEXT, offsetof(struct options, absent_after), "TIME",
	  "people are asked when a device wasn't seen for so long" },
	{ "environment", NULL, OPTION_TEXT, offsetof(struct options, environment), "TEXT",
	  "such as production" },
	{ "workload", NULL, OPTION_TEXT, offsetof(struct options, workload), "TEXT",
	  "such as database" },
	{ "description", NULL, OPTION_TEXT, offsetof(struct options, description), "TEXT",
	  "for people" },
	CTL_ROWS,
};

/* What isn't said is left to the server. */
static int add_defaults(const struct options *options, json_t *body)
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "approval", options->approval },
		{ "environment", options->environment },
		{ "workload", options->workload },
	};
	uint64_t absence_s;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].text)
			json_object_set_new(body, texts[i].name, json_string(texts[i].text));
	json_object_set_new(body, "network_lists", ctl_list(&options->networks));
	json_object_set_new(body, "hold", json_boolean(options->hold));
	json_object_set_new(body, "ephemeral", json_boolean(options->ephemeral));
	if (!options->absent_after)
		return 0;
	r = ctl_duration(options->absent_after, &absence_s);
	if (r == 0)
		json_object_set_new(body, "absence_s", json_integer((json_int_t)absence_s));
	return r;
}

static int make_body(const struct options *options, json_t **ret)
{
	uint64_t expires_in_s;
	int r;

	r = ctl_duration(options->expires_in ? options->expires_in : "24h", &expires_in_s);
	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "description",
			 options->description ? options->description : "", "tags",
			 ctl_list(&options->tags), "allow_from", ctl_list(&options->allow_from),
			 "redeem_from", ctl_list(&options->redeem_from), "max_uses",
			 (json_int_t)(options->max_uses ? options->max_uses : 1), "expires_in_s",
			 (json_int_t)expires_in_s, "rate_per_hour",
			 (json_int_t)options->rate_per_hour, "live_max",
			 (json_int_t)options->live_max);
	return add_defaults(options, *ret);
}

static int run(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	json_t *body = NULL;
	const char *key, *id;
	uint64_t uses;
	int r;

	(void)words;
	r = make_body(options, &body);
	if (!r)
		r = ctl_post(&options->ctl, "/v1/enrollment-keys", body, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "key", &key);
	if (!r)
		r = js_string(answer, "id", &id);
	if (!r)
		r = js_u64(answer, "max_uses", &uses);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	printf("%s\n", key);
	fprintf(stderr, "The key is shown this once. Enrolls %llu device%s; its id is %s.\n",
		(unsigned long long)uses, uses == 1 ? "" : "s", id);
	return 0;
}

const struct ctl_verb verb_key_create = {
	.noun = "enrollment-key",
	.name = "create",
	.help = "create a key that enrolls machines",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct options),
	.run = run,
};
