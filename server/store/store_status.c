/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server's operators should know of it: keys, checkpoints. Reads only.
 */
#include <string.h>

#include "server/store/store_internal.h"

/* Twice of what core takes (server/core/checkpoint.h). */
#define CHECKPOINT_LATE_S 1200

static int take_epoch(const struct store_epoch *epoch, void *userdata)
{
	struct store_status *status = userdata;

	if (epoch->retired_s > 0) {
		status->kek_kept += epoch->destroyed_s == 0 ? 1 : 0;
		return 0;
	}
	memcpy(status->kek, epoch->id, sizeof(status->kek));
	status->kek_since_s = epoch->created_s;
	status->kek_copied_s = epoch->copied_s;
	status->kek_copy_opened_s = epoch->copy_opened_s;
	status->kek_rotating = epoch->serial > 1 && epoch->rewrapped_s == 0;
	return 0;
}

static int take_checkpoint(const struct store_checkpoint *row, void *userdata)
{
	*(struct store_checkpoint *)userdata = *row;
	return 0;
}

/* Is the oldest row that no checkpoint covers too old? */
static int look_at_checkpoints(struct store *store, struct store_status *status)
{
	struct store_checkpoint last = { .serial = 0 };
	uint64_t oldest_s = 0, now_s;
	int r = store_checkpoint_last(store, INT64_MAX, take_checkpoint, &last);

	if (r >= 0)
		r = db_query(store->db, "SELECT min(time_s) FROM audit WHERE seq > $1",
			     DB_ARGS(DB_NUMBER(last.audit_seq)), store_take_number, &oldest_s);
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r != 0)
		return r;
	status->checkpoint = last.serial;
	status->checkpoint_s = last.time_s;
	status->checkpoint_late = oldest_s > 0 && oldest_s + CHECKPOINT_LATE_S < now_s;
	return 0;
}

int store_status(struct store *store, struct store_status *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = store_epochs(store, take_epoch, ret);
	if (r == 0)
		r = store_quarantine(store, &ret->quarantine_s);
	return r != 0 ? r : look_at_checkpoints(store, ret);
}
