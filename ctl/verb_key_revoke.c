/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl enrollment-key revoke, compromise: the former leaves the devices that it enrolled
 * alone, the latter holds them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

/* The id is the first four characters; people will give the whole key too. */
static int read_id(const char *word, char ret[5])
{
	size_t len = 0;

	while (len < 4 &&
	       ((word[len] >= '0' && word[len] <= '9') || (word[len] >= 'A' && word[len] <= 'Z') ||
		(word[len] >= 'a' && word[len] <= 'z'))) {
		ret[len] = word[len] >= 'a' ? (char)(word[len] - 'a' + 'A') : word[len];
		len++;
	}
	if (len != 4 || (word[4] && word[4] != '-'))
		return fail(-EINVAL, "ID must be the first four characters of the key");
	ret[4] = 0;
	return 0;
}

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	char id[5];
	int r;

	r = read_id(words[0], id);
	if (!r)
		r = text_format(&path, "/v1/enrollment-keys/%s/revoke", id);
	if (!r)
		r = ctl_post(ctl, path, json_object(), &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	printf("Enrollment key %s is revoked. Devices that it enrolled are not.\n", id);
	return 0;
}

const struct ctl_verb verb_key_revoke = {
	.noun = "enrollment-key",
	.name = "revoke",
	.argument = "ID",
	.arguments = 1,
	.help = "end an enrollment key",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};

struct options {
	struct ctl ctl;
	const char *since;
};

static const struct option_row compromise_rows[] = {
	{ "since", NULL, OPTION_TEXT, offsetof(struct options, since), "TIME",
	  "only devices that it enrolled in this last time, such as 12h (default: all)" },
	CTL_ROWS,
};

static int make_body(const struct options *options, json_t **ret)
{
	uint64_t now_s = (uint64_t)time(NULL), ago_s = now_s;
	int r = options->since ? ctl_duration(options->since, &ago_s) : 0;

	if (r < 0)
		return r;
	*ret = json_pack("{s:I}", "since", (json_int_t)(now_s - MIN(now_s, ago_s)));
	return 0;
}

static int run_compromise(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	json_t *body = NULL;
	uint64_t held;
	char id[5];
	int r;

	r = read_id(words[0], id);
	if (!r)
		r = text_format(&path, "/v1/enrollment-keys/%s/compromise", id);
	if (!r)
		r = make_body(options, &body);
	if (!r)
		r = ctl_post(&options->ctl, path, body, &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_u64(answer, "held", &held);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	printf("Enrollment key %s is compromised: it enrolls nothing more, and %llu more device%s "
	       "held until released.\n",
	       id, (unsigned long long)held, held == 1 ? " is" : "s are");
	return 0;
}

const struct ctl_verb verb_key_compromise = {
	.noun = "enrollment-key",
	.name = "compromise",
	.argument = "ID",
	.arguments = 1,
	.help = "end an enrollment key that others may know, and hold its devices",
	.rows = compromise_rows,
	.rows_count = ARRAY_SIZE(compromise_rows),
	.options_bytes = sizeof(struct options),
	.run = run_compromise,
};
