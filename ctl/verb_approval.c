/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl approval list, show, approve, deny, defer. A request is named by its id or, where
 * only one is pending for it, by the device.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

struct options {
	struct ctl ctl;
	bool all;
	const char *time;
};

static const struct option_row list_rows[] = {
	{ "all", NULL, OPTION_FLAG, offsetof(struct options, all), NULL,
	  "what is decided or over, too" },
	CTL_ROWS,
};
static const struct option_row defer_rows[] = {
	{ "for", NULL, OPTION_TEXT, offsetof(struct options, time), "TIME",
	  "silence it for so long (default: 1h)" },
	CTL_ROWS,
};
static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "APPROVAL", "approval", CTL_TEXT }, { "DEVICE", "device", CTL_TEXT },
	{ "NAME", "device_name", CTL_TEXT },  { "FROM", "source", CTL_TEXT },
	{ "REASON", "reason", CTL_TEXT },     { "STATE", "state", CTL_TEXT },
	{ "ASKED", "asked", CTL_NUMBER },     { "LAST", "last", CTL_TIME },
	{ "VOTES", "votes", CTL_NUMBER },     { "OF", "quorum", CTL_NUMBER },
	{ "BY", "created_by", CTL_TEXT },
};

static const struct ctl_column fields[] = {
	{ "approval", "approval", CTL_TEXT },
	{ "device", "device", CTL_TEXT },
	{ "name (claimed)", "device_name", CTL_TEXT },
	{ "from", "source", CTL_TEXT },
	{ "reason", "reason", CTL_TEXT },
	{ "state", "state", CTL_TEXT },
	{ "first asked", "created", CTL_TIME },
	{ "last asked", "last", CTL_TIME },
	{ "times", "asked", CTL_NUMBER },
	{ "votes", "votes", CTL_NUMBER },
	{ "quorum", "quorum", CTL_NUMBER },
	{ "deferred until", "deferred_until", CTL_TIME },
	{ "decided", "decided", CTL_TIME },
	{ "decided by", "decided_by", CTL_TEXT },
	{ "detail", "detail", CTL_TEXT },
	{ "waiver", "waiver", CTL_TEXT },
};

static void warn_of_others(const json_t *approval)
{
	long long others = (long long)json_integer_value(
		json_object_get(approval, "other_addresses"));
	const char *name = json_string_value(json_object_get(approval, "device"));

	if (others > 0)
		fprintf(stderr,
			"WARNING: device %s asks from %lld other address%s at the same time: "
			"a copy of its disk?\n",
			name ? name : "", others, others == 1 ? "" : "es");
}

static int run_list(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	json_t *list, *item;
	size_t i;
	int r;

	(void)words;
	r = ctl_get(&options->ctl, options->all ? "/v1/approvals?state=all" : "/v1/approvals",
		    &answer);
	if (r < 0 || options->ctl.json)
		return r < 0 ? r : ctl_print_json(answer);
	list = json_object_get(answer, "approvals");
	json_array_foreach (list, i, item)
		warn_of_others(item);
	return ctl_print_table(list, columns, ARRAY_SIZE(columns), "Nothing waits for approval.");
}

static bool fits(const json_t *approval, const char *word)
{
	static const char *const members[] = { "approval", "device", "device_name" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *text = json_string_value(json_object_get(approval, members[i]));

		if (text &&
		    (strcmp(text, word) == 0 || (i < 2 && strncmp(text, word, strlen(word)) == 0)))
			return true;
	}
	return false;
}

/* The path of the one pending request that people mean; a whole id may be decided already. */
static int approval_path(const struct ctl *ctl, const char *word, const char *suffix, char **ret)
{
	CLEANUP_JSON json_t *answer = NULL;
	const char *found = NULL;
	json_t *item;
	size_t i;
	int r;

	if (!*word)
		return fail(-EINVAL, "the request's name is empty");
	r = ctl_get(ctl, "/v1/approvals", &answer);
	if (r < 0)
		return r;
	json_array_foreach (json_object_get(answer, "approvals"), i, item) {
		if (!fits(item, word))
			continue;
		if (found)
			return fail(-EPROTO,
				    "\"%.40s\" fits several requests: give the id of one, "
				    "see \"panocryptctl approval list\"",
				    word);
		r = js_string(item, "approval", &found);
		if (r < 0)
			return fail_at(-EIO, "the server's answer");
	}
	if (found)
		return text_format(ret, "/v1/approvals/%s%s", found, suffix);
	if (strlen(word) == 32)
		return ctl_word_path("/v1/approvals/", word, suffix, ret);
	return fail(-EPROTO, "nothing pending fits \"%.40s\": see \"panocryptctl approval list\"",
		    word);
}

static int run_show(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r = approval_path(ctl, words[0], "", &path);

	if (!r)
		r = ctl_get(ctl, path, &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	warn_of_others(answer);
	return ctl_print_fields(answer, fields, ARRAY_SIZE(fields));
}

static int vote(const struct ctl *ctl, const char *word, const char *suffix, json_t *body)
{
	CLEANUP_JSON json_t *owned = body, *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	const char *id;
	int r = approval_path(ctl, word, suffix, &path);

	if (!r)
		r = ctl_post(ctl, path, TAKE_PTR(owned), &answer);
	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, "approval", &id);
	return r < 0 ? fail_at(-EIO, "the server's answer")
		     : ctl_print_votes(answer, "Request ", id);
}

static int run_approve(void *options, char **words)
{
	return vote(options, words[0], "/approve", json_object());
}

static int run_deny(void *options, char **words)
{
	return vote(options, words[0], "/deny", json_object());
}

static int run_defer(void *opaque, char **words)
{
	const struct options *options = opaque;
	uint64_t seconds;
	int r = ctl_duration(options->time ? options->time : "1h", &seconds);

	return r < 0 ? r
		     : vote(&options->ctl, words[0], "/defer",
			    json_pack("{s:I}", "for_s", (json_int_t)seconds));
}

const struct ctl_verb verb_approval_list = CTL_VERB("approval", "list", NULL,
						    "list what waits for people", list_rows,
						    struct options, run_list);
const struct ctl_verb verb_approval_show = CTL_VERB(
	"approval", "show", "REQUEST", "show one (by id or device)", rows, struct ctl, run_show);
const struct ctl_verb verb_approval_approve = CTL_VERB("approval", "approve", "REQUEST", "say yes",
						       rows, struct ctl, run_approve);
const struct ctl_verb verb_approval_deny = CTL_VERB(
	"approval", "deny", "REQUEST", "say no, for an hour", rows, struct ctl, run_deny);
const struct ctl_verb verb_approval_defer = CTL_VERB("approval", "defer", "REQUEST",
						     "silence it; decides nothing", defer_rows,
						     struct options, run_defer);
