/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The count of runs that died at one place.
 */
#include "bootstrap/strikes.h"

#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"

#define FILE_BYTES_MAX (4 * KIB)

struct strikes {
	uint64_t done_bytes, count;
};

/* A missing or damaged file counts for nothing. */
static struct strikes read_file(const char *path)
{
	CLEANUP_JSON json_t *value = NULL;
	struct strikes strikes = { 0, 0 };
	int r;

	r = js_read_file(path, FILE_BYTES_MAX, &value);
	if (r == 0)
		r = js_u64(value, "done_bytes", &strikes.done_bytes);
	if (r == 0)
		r = js_u64(value, "count", &strikes.count);
	if (r < 0) {
		fail_clear();
		return (struct strikes){ 0, 0 };
	}
	return strikes;
}

static int write_file(const char *path, const struct strikes *strikes)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	int r;

	value = json_pack("{s:I,s:I}", "done_bytes", (json_int_t)strikes->done_bytes, "count",
			  (json_int_t)strikes->count);
	if (!value)
		return fail(-ENOMEM, "out of memory: free some and run again");
	r = js_print_pretty(value, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

int strikes_begin(const char *state_dir, uint64_t done_bytes)
{
	CLEANUP_FREE char *path = NULL;
	struct strikes strikes;
	int r;

	r = text_format(&path, "%s/" STRIKES_FILE, state_dir);
	if (r < 0)
		return r;
	strikes = read_file(path);
	if (strikes.done_bytes != done_bytes)
		strikes = (struct strikes){ done_bytes, 0 };
	if (strikes.count >= STRIKES_MOST)
		return fail(-EIO,
			    "the run has died %d times at the same place, %llu bytes from its "
			    "beginning: look into the kernel's log for a bad sector. The machine "
			    "works as it is. Mend the disk, remove %s, and run again",
			    STRIKES_MOST, (unsigned long long)done_bytes, path);
	strikes.count++;
	return write_file(path, &strikes);
}

int strikes_clear(const char *state_dir)
{
	CLEANUP_FREE char *path = NULL;
	int r;

	r = text_format(&path, "%s/" STRIKES_FILE, state_dir);
	return r < 0 ? r : file_remove(path);
}
