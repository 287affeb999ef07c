/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd quarantine begin, end. docs/backup.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "server/core/checkpoint.h"
#include "server/core/witness.h"
#include "server/verbs.h"

struct quarantine_options {
	struct verb_options verb;
	const char *witness;
	bool accept_gap;
	char *last; /* the witness's last line */
};

static int run_begin(void *opaque UNUSED, const struct server_config *config,
		     const char *word UNUSED)
{
	CLEANUP(store_closep) struct store *store = NULL;
	int r = verb_open_store(config, &store);

	if (r == 0)
		r = store_quarantine_begin(store, "operator", "by an operator");
	return r < 0 ? r : EXIT_DONE;
}

/* --- end ------------------------------------------------------------------------------------- */

static int before_end(void *opaque, const char *word UNUSED)
{
	struct quarantine_options *options = opaque;
	CLEANUP_CLOSE int fd = -1;
	bool is_torn;
	int r;

	if (!options->witness == !options->accept_gap)
		return fail(-EINVAL, "name either the witness as it is outside, by --witness, or "
				     "accept that what it tells is lost, by --accept-gap");
	if (!options->witness)
		return 0;
	fd = open(options->witness, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "%s: %s", options->witness, strerror(errno));
	r = witness_last(fd, &options->last, &is_torn);
	return r == 0 && !*options->last ? fail(-ENODATA, "%s is empty", options->witness) : r;
}

static int end_it(struct store *store, struct checkpoints *checkpoints, const char *detail)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = store_quarantine_end(store, "operator", detail);
	if (r == 0)
		r = checkpoints_accept_gap(checkpoints);
	if (r != 0) {
		store_rollback(store);
		return r > 0 ? fail(-EINVAL, "the server isn't in quarantine") : r;
	}
	r = store_commit(store);
	return r < 0 ? r : checkpoints_make(checkpoints);
}

/* Both witnesses are looked at: the one given, and the one that the server writes. */
static int check_witness(const struct quarantine_options *options, struct checkpoints *checkpoints)
{
	int r = checkpoints_has(checkpoints, options->last);

	if (r < 0)
		return fail_at(r, "the last line of %s", options->witness);
	if (r == 0 && !checkpoints_is_stale(checkpoints))
		return 0;
	(void)fail(
		-ESTALE,
		"the store is older than the witness: what was decided after its last "
		"checkpoint, revocations among it, is forgotten. See \"audit verify --witness\", "
		"revoke again what you know of, then \"quarantine end --accept-gap\"");
	return STORE_CONFLICT;
}

static int run_end(void *opaque, const struct server_config *config, const char *word UNUSED)
{
	struct quarantine_options *options = opaque;
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	int r;

	r = verb_open_store(config, &store);
	if (r == 0)
		r = checkpoints_open(config, store, &checkpoints);
	if (r == 0 && options->witness)
		r = check_witness(options, checkpoints);
	free(options->last);
	if (r == STORE_CONFLICT) {
		log_error("%s", fail_text());
		return EXIT_BROKEN;
	}
	if (r == 0)
		r = end_it(store, checkpoints,
			   options->witness ? "nothing is missing, by the witness"
					    : "the gap was accepted");
	if (r < 0)
		return r;
	printf("The quarantine is over.\n");
	return EXIT_DONE;
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct option_row begin_rows[] = { VERB_ROWS };
static const struct option_row end_rows[] = {
	{ "witness", NULL, OPTION_TEXT, offsetof(struct quarantine_options, witness), "FILE",
	  "the witness as it is outside of the server: shows whether something is missing" },
	{ "accept-gap", NULL, OPTION_FLAG, offsetof(struct quarantine_options, accept_gap), NULL,
	  "go on, although decisions may be forgotten" },
	VERB_ROWS,
};

static const struct verb verbs[] = {
	{ .name = "begin",
	  .help = "unlock and enroll nothing until it is ended",
	  .rows = begin_rows,
	  .rows_count = ARRAY_SIZE(begin_rows),
	  .options_bytes = sizeof(struct quarantine_options),
	  .run = run_begin },
	{ .name = "end",
	  .help = "end it, if nothing is missing or the gap is accepted",
	  .rows = end_rows,
	  .rows_count = ARRAY_SIZE(end_rows),
	  .options_bytes = sizeof(struct quarantine_options),
	  .before = before_end,
	  .run = run_end },
};

int verb_quarantine(int argc, char **argv)
{
	return verb_run("quarantine", verbs, ARRAY_SIZE(verbs), argc, argv);
}
