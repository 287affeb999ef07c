/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file with the figures of a long phase, in memory (/run).
 */
#include "bootstrap/progress.h"

#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"

#define FILE_BYTES_MAX (4 * KIB)

static int path_in(const char *dir, char **ret)
{
	return text_format(ret, "%s/" PROGRESS_FILE, dir);
}

int progress_write(const char *dir, const struct progress *progress)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	int r;

	value = json_pack("{s:s,s:s,s:I,s:I,s:I}", "phase", progress->phase, "waiting",
			  progress->waiting, "done_bytes", (json_int_t)progress->done_bytes,
			  "total_bytes", (json_int_t)progress->total_bytes, "bytes_per_s",
			  (json_int_t)progress->bytes_per_s);
	if (!value)
		return fail(-ENOMEM, "out of memory: free some and run again");
	r = path_in(dir, &path);
	if (r == 0)
		r = file_mkdirs(dir, 0700);
	if (r == 0)
		r = js_print_pretty(value, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

int progress_read(const char *dir, struct progress *ret)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	struct progress progress = { "" };
	size_t len = 0;
	int r;

	r = path_in(dir, &path);
	if (r == 0)
		r = file_read(path, FILE_BYTES_MAX, &text, &len);
	if (r < 0)
		return r;
	r = js_parse(text, len, FILE_BYTES_MAX, &value);
	if (r == 0)
		r = js_copy(value, "phase", progress.phase, sizeof(progress.phase));
	if (r == 0)
		r = js_copy(value, "waiting", progress.waiting, sizeof(progress.waiting));
	if (r == 0)
		r = js_u64(value, "done_bytes", &progress.done_bytes);
	if (r == 0)
		r = js_u64(value, "total_bytes", &progress.total_bytes);
	if (r == 0)
		r = js_u64(value, "bytes_per_s", &progress.bytes_per_s);
	if (r < 0)
		return fail_at(-EBADMSG, "%s", path);
	*ret = progress;
	return 0;
}
