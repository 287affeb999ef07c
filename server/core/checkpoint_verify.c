/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judging the audit: the chain of rows (the store does that), the checkpoints in the store, and
 * those in the witness. Reads only.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/jwk.h"
#include "server/core/checkpoint.h"
#include "server/core/checkpoint_format.h"
#include "server/core/witness.h"

#define KEY_MAX_BYTES 4096

struct verify {
	struct store *store;
	json_t *key;
	uint64_t count;
	/* the checkpoint that was read last */
	uint64_t serial;
	char hash[CHECKPOINT_HASH_CHARS + 1];
	uint64_t first, pruned_to; /* of the store's checkpoints */
	uint64_t bases;		   /* lanes that rightly begin later */
	/* the store's row for a line of the witness */
	const char *line;
	uint64_t line_serial;
	bool is_same, is_in_gap;
};

typedef unsigned long long number;

/* With the sentence that is remembered. */
static int broken_at(const struct checkpoint *checkpoint)
{
	(void)fail_at(-EBADMSG, "the audit is broken at checkpoint %llu",
		      (number)checkpoint->serial);
	return STORE_CONFLICT;
}

static int broken(const struct checkpoint *checkpoint, const char *what)
{
	(void)fail(-EBADMSG, "the audit is broken at checkpoint %llu: %s",
		   (number)checkpoint->serial, what);
	return STORE_CONFLICT;
}

/* --- one checkpoint against the rows --------------------------------------------------------- */

struct against {
	struct verify *verify;
	const struct checkpoint *checkpoint;
};

static int check_lane(const struct store_lane *said, void *userdata)
{
	const struct against *against = userdata;
	struct store_lane found = *said;
	int r;

	r = store_audit_base(against->verify->store, &found);
	if (r < 0)
		return r;
	if (r == 0 && said->lane_seq < found.lane_seq)
		return 0; /* pruned */
	if (r != 0 || said->lane_seq > found.lane_seq) {
		found.lane_seq = said->lane_seq;
		r = store_audit_hash(against->verify->store, &found);
	}
	if (r == STORE_NOT_FOUND)
		return broken(against->checkpoint,
			      "rows that it saw are missing: the end of the audit was cut");
	if (r < 0)
		return r;
	if (memcmp(found.hash, said->hash, sizeof(found.hash)) != 0)
		return broken(against->checkpoint, "a row isn't the one that it saw");
	return 0;
}

static int check_lanes(struct verify *verify, const struct checkpoint *checkpoint)
{
	struct against against = { verify, checkpoint };
	int r = checkpoint_lanes(checkpoint, check_lane, &against);

	return r == -EINVAL ? broken_at(checkpoint) : r;
}

/* --- the store's checkpoints ----------------------------------------------------------------- */

static int check_row(const struct store_checkpoint *row, void *userdata)
{
	struct verify *verify = userdata;
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	struct checkpoint named = { .serial = row->serial };
	int r;

	r = checkpoint_read(row->text, verify->key, &read);
	if (r == -EINVAL || r == -EKEYREJECTED)
		return broken_at(&named);
	if (r < 0)
		return r;
	if (read.serial != row->serial)
		return broken(&named, "its text is another one's");
	if (verify->count > 0 && read.gap_from != 0 && read.gap_from == verify->serial)
		verify->serial = read.serial - 1; /* the gap was accepted, under our signature */
	else if (verify->count > 0 && read.serial != verify->serial + 1)
		return broken(&read, "the one before it is missing");
	else if (verify->count > 0 && strcmp(read.previous, verify->hash) != 0)
		return broken(&read, "it doesn't follow the one before it");
	verify->first = verify->count ? verify->first : read.serial;
	verify->count++;
	verify->serial = read.serial;
	verify->pruned_to = read.pruned_to;
	r = checkpoint_hash(row->text, verify->hash);
	return r != 0 ? r : check_lanes(verify, &read);
}

/* --- where pruned lanes begin ---------------------------------------------------------------- */

static int check_base(const struct store_lane *said, void *userdata)
{
	struct verify *verify = userdata;
	const struct checkpoint pruned_to = { .serial = verify->pruned_to };
	struct store_lane found = *said;
	int r = store_audit_base(verify->store, &found);

	if (r < 0)
		return r;
	if (r != 0 || found.lane_seq != said->lane_seq ||
	    memcmp(found.hash, said->hash, sizeof(found.hash)) != 0)
		return broken(&pruned_to, "a lane doesn't begin where it was pruned");
	verify->bases++;
	return 0;
}

static int check_pruned_to(const struct store_checkpoint *row, void *userdata)
{
	struct verify *verify = userdata;
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	int r;

	if (row->serial != verify->pruned_to)
		return 0;
	r = checkpoint_read(row->text, verify->key, &read);
	return r != 0 ? r : checkpoint_lanes(&read, check_base, verify);
}

/* Only a signed checkpoint lets a lane begin later than with its first row. */
static int check_bases(struct verify *verify)
{
	const struct checkpoint pruned_to = { .serial = verify->pruned_to };
	uint64_t count;
	int r;

	r = store_checkpoints(verify->store, 0, check_pruned_to, verify);
	if (r == 0)
		r = store_audit_base_count(verify->store, &count);
	if (r != 0)
		return r;
	return count == verify->bases ? 0
				      : broken(&pruned_to, "a lane begins where no checkpoint has "
							   "allowed it to be pruned");
}

/* --- the witness ----------------------------------------------------------------------------- */

static int compare_text(const struct store_checkpoint *row, void *userdata)
{
	struct verify *verify = userdata;

	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	int r = checkpoint_read(row->text, verify->key, &read);

	if (r < 0)
		return r;
	verify->is_same = strcmp(row->text, verify->line) == 0;
	verify->is_in_gap = read.gap_from > 0 && read.gap_from < verify->line_serial &&
			    verify->line_serial < read.serial;
	return STORE_CONFLICT; /* only the first is asked for */
}

static int check_line(const char *line, void *userdata)
{
	struct verify *verify = userdata;
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	int r = checkpoint_read(line, verify->key, &read);

	if (r < 0)
		return r; /* torn? witness_each() knows */
	if (read.serial < verify->first)
		return check_lanes(verify, &read);
	verify->line = line;
	verify->line_serial = read.serial;
	verify->is_same = false;
	verify->is_in_gap = false;
	r = store_checkpoints(verify->store, read.serial - 1, compare_text, verify);
	if (r == 0)
		return broken(&read, "the witness has it and the store doesn't: the end of the "
				     "audit was cut, or this is an older store");
	if (r == STORE_CONFLICT && !verify->is_same && !verify->is_in_gap)
		return broken(&read, "the witness has another one of this number");
	return r < 0 ? r : 0;
}

static int check_all(struct verify *verify, const char *witness)
{
	int r = store_audit_verify(verify->store);

	if (r == 0)
		r = store_checkpoints(verify->store, 0, check_row, verify);
	if (r == 0)
		r = check_bases(verify);
	if (r == 0 && witness)
		r = witness_each(witness, check_line, verify);
	return r == -EBADMSG ? STORE_CONFLICT : r;
}

int checkpoints_verify(const char *public_key_path, struct store *store, const char *witness,
		       uint64_t *ret_count)
{
	CLEANUP_JSON json_t *key = NULL;
	struct verify verify = { .store = store };
	int r;

	r = js_read_file(public_key_path, KEY_MAX_BYTES, &key);
	if (r == -ENOENT)
		return fail(r, "%s is missing: it checks the audit's checkpoints; restore a copy",
			    public_key_path);
	if (r < 0)
		return r;
	verify.key = key;
	r = check_all(&verify, witness);
	if (r == 0)
		*ret_count = verify.count;
	return r;
}
