/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl enrollment-key revoke: devices that it enrolled are left alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

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
