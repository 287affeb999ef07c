/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd audit verify, export, checkpoint, prune.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/core/checkpoint.h"
#include "server/verbs.h"

struct audit_options {
	struct verb_options verb;
	const char *witness, *before;
	uint64_t after;
};

/* --- verify ---------------------------------------------------------------------------------- */

static int run_verify(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	const struct audit_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	char path[CONFIG_PATH_SIZE];
	uint64_t count = 0;
	int r;

	config_path(config->dir, CONFIG_FILE_AUDIT_PUBLIC, path);
	r = verb_open_store(config, &store);
	if (r == 0)
		r = checkpoints_verify(path, store, options->witness, &count);
	if (r == STORE_CONFLICT) {
		log_error("%s", fail_text());
		return EXIT_BROKEN;
	}
	if (r < 0)
		return r;
	printf("The audit is whole: every row, and %llu checkpoints%s.\n",
	       (unsigned long long)count, options->witness ? ", as the witness has them" : "");
	if (!options->witness)
		printf("Whether its end was cut together with its checkpoints shows only with "
		       "--witness.\n");
	return EXIT_DONE;
}

/* --- export ---------------------------------------------------------------------------------- */

static int print_row(const struct store_audit_row *row, void *userdata UNUSED)
{
	char organization[2 * ORGANIZATION_ID_BYTES + 1], hash[65];
	const struct store_event *event = &row->event;
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	text_hex(organization, row->organization, ORGANIZATION_ID_BYTES);
	text_hex(hash, row->hash, 32);
	value = json_pack("{s:I, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}",
			  "seq", (json_int_t)event->seq, "organization", organization, "writer",
			  event->writer, "lane_seq", (json_int_t)row->lane_seq, "time",
			  (json_int_t)event->time_s, "event", event->event, "device", event->device,
			  "source", event->source, "reason", event->reason, "actor", event->actor,
			  "detail", event->detail, "count", (json_int_t)event->count, "hash", hash);
	if (!value)
		return fail(-EIO, "row %llu isn't text: see \"panocryptd audit verify\"",
			    (unsigned long long)event->seq);
	r = js_print(value, &text);
	if (r == 0 && printf("%s\n", text) < 0)
		r = fail(-EIO, "the output can't be written: %s", strerror(errno));
	return r;
}

static int run_export(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	const struct audit_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = store_audit_export(store, options->after, print_row, NULL);
	if (r == 0 && fflush(stdout) != 0)
		r = fail(-EIO, "the output can't be written: %s", strerror(errno));
	return r < 0 ? r : EXIT_DONE;
}

/* --- checkpoint and prune -------------------------------------------------------------------- */

static int run_checkpoint(void *opaque UNUSED, const struct server_config *config,
			  const char *word UNUSED)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = checkpoints_open(config, store, &checkpoints);
	if (r == 0)
		r = checkpoints_make(checkpoints);
	return r < 0 ? r : EXIT_DONE;
}

/* "2026-01-31" (that day's begin, UTC) or seconds since the epoch. */
static int parse_time(const char *text, uint64_t *ret)
{
	struct tm tm = { 0 };
	const char *end;
	time_t time;

	if (!text)
		return fail(-EINVAL, "--before is missing");
	if (text_u64(text, ret) == 0)
		return 0;
	fail_clear();
	end = strptime(text, "%Y-%m-%d", &tm);
	time = end && !*end ? timegm(&tm) : -1;
	if (time < 0)
		return fail(-EINVAL, "--before must be a day such as 2026-01-31, or seconds since "
				     "the epoch");
	*ret = (uint64_t)time;
	return 0;
}

static int run_prune(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	const struct audit_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	uint64_t before_s, removed;
	int r;

	r = parse_time(options->before, &before_s);
	if (r == 0)
		r = verb_open_store(config, &store);
	if (r == 0)
		r = checkpoints_open(config, store, &checkpoints);
	if (r == 0)
		r = checkpoints_prune(checkpoints, before_s, &removed);
	if (r == STORE_NOT_FOUND)
		return fail(-ENOENT, "no checkpoint is that old: nothing was removed");
	if (r < 0)
		return r;
	printf("%llu rows removed. What is left is proved by the checkpoint that they led to.\n",
	       (unsigned long long)removed);
	return EXIT_DONE;
}

/* --- the table ------------------------------------------------------------------------------- */

#define WITNESS_ROW                                                                                \
	{                                                                                          \
		"witness", NULL, OPTION_TEXT, offsetof(struct audit_options, witness), "FILE",     \
			"checkpoints kept outside of the store: shows a cut end"                   \
	}

static const struct option_row verify_rows[] = { WITNESS_ROW, VERB_ROWS };
static const struct option_row export_rows[] = {
	{ "after", NULL, OPTION_NUMBER, offsetof(struct audit_options, after), "SEQ",
	  "only rows behind this number" },
	VERB_ROWS,
};
static const struct option_row prune_rows[] = {
	{ "before", NULL, OPTION_TEXT, offsetof(struct audit_options, before), "TIME",
	  "a day (2026-01-31, its begin in UTC) or seconds since the epoch; the newest checkpoint "
	  "that old is the border" },
	VERB_ROWS,
};
static const struct option_row plain_rows[] = { VERB_ROWS };

#define VERB(name_, help_, rows_, run_)                                                            \
	{                                                                                          \
		.name = name_, .help = help_, .rows = rows_, .rows_count = ARRAY_SIZE(rows_),      \
		.options_bytes = sizeof(struct audit_options), .run = run_                         \
	}

static const struct verb verbs[] = {
	VERB("verify", "check that nothing in the audit was changed or removed", verify_rows,
	     run_verify),
	VERB("export", "print the audit, one JSON object a line", export_rows, run_export),
	VERB("checkpoint", "sign the heads of now, also into the witness", plain_rows,
	     run_checkpoint),
	VERB("prune", "remove old rows up to a checkpoint", prune_rows, run_prune),
};

int verb_audit(int argc, char **argv)
{
	return verb_run("audit", verbs, ARRAY_SIZE(verbs), argc, argv);
}
