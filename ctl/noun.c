/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See ctl.h: what the verbs of most nouns do with an answer.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "ctl/ctl.h"

int ctl_noun_list(const struct ctl *ctl, const struct ctl_noun *noun, const char *path)
{
	CLEANUP_JSON json_t *answer = NULL;
	int r = ctl_get(ctl, path, &answer);

	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	return ctl_print_table(json_object_get(answer, noun->list), noun->columns,
			       noun->columns_count, noun->when_empty);
}

int ctl_noun_post(const struct ctl *ctl, const struct ctl_noun *noun, const char *path,
		  json_t *body, const char *what)
{
	CLEANUP_JSON json_t *answer = NULL;
	const char *name;
	int r = ctl_post(ctl, path, body, &answer);

	if (r < 0 || ctl->json)
		return r < 0 ? r : ctl_print_json(answer);
	r = js_string(answer, noun->member, &name);
	if (r == 0)
		printf("%s %s is %s.\n", noun->title, name, what);
	return r;
}

int ctl_noun_change(const struct ctl *ctl, const struct ctl_noun *noun, const char *word,
		    json_t *body, const char *const what[static 2])
{
	CLEANUP_JSON json_t *owned = body;
	CLEANUP_FREE char *path = NULL;
	int r = ctl_word_path(noun->path, word, what[0], &path);

	return r < 0 ? r : ctl_noun_post(ctl, noun, path, TAKE_PTR(owned), what[1]);
}

int ctl_print_votes(const json_t *answer, const char *title, const char *name)
{
	uint64_t votes, quorum;
	const char *state;
	int r = js_string(answer, "state", &state);

	if (!r)
		r = js_u64(answer, "votes", &votes);
	if (!r)
		r = js_u64(answer, "quorum", &quorum);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	printf("%s%s is %s (%llu of %llu votes).\n", title, name, state, (unsigned long long)votes,
	       (unsigned long long)quorum);
	return 0;
}
