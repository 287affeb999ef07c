/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Retention: rows go up to a checkpoint, and a new checkpoint says so.
 */
#include <stdio.h>

#include "common/err.h"
#include "common/jwk.h"
#include "server/core/checkpoint_internal.h"

struct pruning {
	struct checkpoints *checkpoints;
	const json_t *key;
	struct checkpoint to;
	uint64_t removed;
};

static int take_to(const struct store_checkpoint *row, void *userdata)
{
	struct pruning *pruning = userdata;

	return checkpoint_read(row->text, pruning->key, &pruning->to);
}

static int set_base(const struct store_lane *lane, void *userdata)
{
	return store_audit_set_base(((struct pruning *)userdata)->checkpoints->store, lane);
}

/* A few thousand rows a transaction, so that nobody waits for long. */
static int remove_rows(const struct store_lane *lane, void *userdata)
{
	struct pruning *pruning = userdata;
	uint64_t removed;
	int r;

	do {
		r = store_audit_prune(pruning->checkpoints->store, lane, &removed);
		pruning->removed += removed;
	} while (r == 0 && removed > 0);
	return r;
}

/* Where lanes begin, the new checkpoint that says so, and the row of it, in one transaction. */
static int move_bases(struct pruning *pruning)
{
	struct store *store = pruning->checkpoints->store;
	struct store_audit_entry entry = { .event = "audit-pruned", .actor = "operator" };
	char detail[80];
	int r;

	snprintf(detail, sizeof(detail), "to checkpoint %llu of %llu",
		 (unsigned long long)pruning->to.serial, (unsigned long long)pruning->to.time_s);
	entry.detail = detail;
	r = checkpoint_lanes(&pruning->to, set_base, pruning);
	if (r == 0)
		r = store_audit_append(store, store_system, &entry);
	if (r == 0)
		r = checkpoints_insert(pruning->checkpoints, pruning->key, pruning->to.serial);
	return r != 0 ? r : store_checkpoints_forget(store, pruning->to.serial);
}

static int prune(struct pruning *pruning, uint64_t before_s)
{
	struct checkpoints *checkpoints = pruning->checkpoints;
	int r;

	r = store_checkpoint_last(checkpoints->store, before_s, take_to, pruning);
	if (r != 0)
		return r;
	if (pruning->to.serial != checkpoints->pruned_to) {
		r = store_begin(checkpoints->store);
		if (r == 0)
			r = checkpoints_end(checkpoints, move_bases(pruning));
	}
	if (r == 0)
		r = checkpoint_lanes(&pruning->to, remove_rows, pruning);
	return r != 0 ? r : checkpoints_catch_up(checkpoints, pruning->key);
}

int checkpoints_prune(struct checkpoints *checkpoints, uint64_t before_s, uint64_t *ret_removed)
{
	CLEANUP_JWK json_t *key = NULL;
	struct pruning pruning = { .checkpoints = checkpoints };
	int r = checkpoints_refuse_stale(checkpoints);

	if (r == 0)
		r = checkpoints_key(checkpoints, &key);
	pruning.key = key;
	if (r == 0)
		r = prune(&pruning, before_s);
	checkpoint_done(&pruning.to);
	if (r == 0)
		*ret_removed = pruning.removed;
	return r;
}
