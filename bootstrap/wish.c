/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file with people's wishes about the pace.
 */
#include "bootstrap/wish.h"

#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"

#define FILE_BYTES_MAX (4 * KIB)

static int path_in(const char *state_dir, char **ret)
{
	return text_format(ret, "%s/" WISH_FILE, state_dir);
}

static int parse(const char *text, size_t len, struct wish *ret)
{
	CLEANUP_JSON json_t *value = NULL;
	int r;

	r = js_parse(text, len, FILE_BYTES_MAX, &value);
	if (r == 0)
		r = js_bool(value, "paused", &ret->is_paused);
	if (r == 0)
		r = js_u64(value, "max_bytes_per_s", &ret->max_bytes_per_s);
	return r;
}

int wish_read(const char *state_dir, struct wish *ret)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	struct wish wish = { .is_paused = false };
	size_t len = 0;
	int r;

	r = path_in(state_dir, &path);
	if (r == 0)
		r = file_read(path, FILE_BYTES_MAX, &text, &len);
	if (r == -ENOENT) {
		*ret = wish;
		return 0;
	}
	if (r == 0)
		r = parse(text, len, &wish);
	if (r < 0)
		return fail_at(-EBADMSG, "%s (remove it, or use pause or resume)", path);
	*ret = wish;
	return 0;
}

int wish_write(const char *state_dir, const struct wish *wish)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	int r;

	value = json_pack("{s:b,s:I}", "paused", wish->is_paused, "max_bytes_per_s",
			  (json_int_t)wish->max_bytes_per_s);
	if (!value)
		return fail(-ENOMEM, "out of memory: free some and run again");
	r = path_in(state_dir, &path);
	if (r == 0)
		r = js_print_pretty(value, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}
