/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for approval: raised by core for a device and an address, or by an allow-once that needs
 * a quorum; decided by people. The state table is in docs/server-states.md.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "server/store/store_internal.h"

/* --- raising --------------------------------------------------------------------------------- */

/* A request that nobody waits for any more must not be approved into a later one. */
static int end_stale(struct store *store, const struct store_ask *ask)
{
	return db_run(store->db,
		      "UPDATE approval SET state = 'ended', decided_s = $1,"
		      " detail = 'not asked for any more'"
		      " WHERE device = $2 AND source = $3 AND kind = 'unlock' AND state = 'pending'"
		      " AND until_s <= $1",
		      DB_ARGS(DB_NUMBER(ask->now_s), DB_BLOB(ask->device, DEVICE_ID_BYTES),
			      DB_TEXT(ask->source)));
}

int store_approval_ask(struct store *store, const struct store_ask *ask, bool *ret_is_new)
{
	uint64_t asked = 0;
	uint8_t id[16];
	int r;

	r = random_bytes(id, sizeof(id));
	if (r == 0)
		r = end_stale(store, ask);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO approval (id, organization, device, kind, source, reason,"
			   " created_s, last_s, until_s)"
			   " VALUES ($1, $2, $3, 'unlock', $4, $5, $6, $6, $8)"
			   " ON CONFLICT (device, source, kind) WHERE state = 'pending'"
			   " AND kind = 'unlock' DO UPDATE SET asked = approval.asked + $7,"
			   " last_s = excluded.last_s, until_s = excluded.until_s,"
			   " reason = excluded.reason",
			   DB_ARGS(DB_BLOB(id, sizeof(id)),
				   DB_BLOB(ask->organization, ORGANIZATION_ID_BYTES),
				   DB_BLOB(ask->device, DEVICE_ID_BYTES), DB_TEXT(ask->source),
				   DB_TEXT(ask->reason), DB_NUMBER(ask->now_s),
				   DB_NUMBER(ask->is_repeat ? 0 : 1),
				   DB_NUMBER(ask->now_s + STORE_APPROVAL_STALE_S)));
	if (r == 0)
		r = db_query(store->db, "SELECT asked FROM approval WHERE id = $1",
			     DB_ARGS(DB_BLOB(id, sizeof(id))), store_take_number, &asked);
	if (r == 0)
		*ret_is_new = asked > 0; /* our own row, not the one that was there */
	return r;
}

int store_approval_refused(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   const struct source_address *source, uint64_t now_s, bool *ret)
{
	char text[CIDR_TEXT_SIZE];
	uint64_t found = 0;
	int r;

	source_print(source, text);
	r = db_query(store->db,
		     "SELECT count(*) FROM approval WHERE device = $1 AND source = $2"
		     " AND state = 'denied' AND kind = 'unlock' AND decided_s > $3",
		     DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_TEXT(text),
			     DB_NUMBER(now_s - STORE_APPROVAL_REFUSED_S)),
		     store_take_number, &found);
	if (r == 0)
		*ret = found > 0;
	return r;
}

int store_approval_propose(struct store *store, const struct store_waiver_row *row, uint64_t now_s)
{
	uint8_t id[16];
	int r = random_bytes(id, sizeof(id));

	if (r < 0)
		return r;
	return db_run(
		store->db,
		"INSERT INTO approval (id, organization, device, kind, source, reason, waiver,"
		" created_by, created_s, last_s, until_s)"
		" VALUES ($1, $2, $3, 'waiver', '', 'allow-once', $4, $5, $6, $6, $7)",
		DB_ARGS(DB_BLOB(id, sizeof(id)),
			DB_BLOB(row->by->organization, ORGANIZATION_ID_BYTES),
			DB_BLOB(row->device, DEVICE_ID_BYTES), DB_BLOB(row->id, WAIVER_ID_BYTES),
			DB_TEXT(row->by->actor), DB_NUMBER(now_s),
			DB_NUMBER(now_s + row->new->expires_in_s)));
}

int store_approvals_end(struct store *store, const struct store_by *by, const uint8_t *device,
			const char *why)
{
	uint64_t now_s;
	int r = db_now(store->db, &now_s);

	if (r < 0)
		return r;
	return db_run(store->db,
		      "UPDATE approval SET state = 'ended', decided_s = $1, detail = $2"
		      " WHERE organization = $3 AND (length($4) = 0 OR device = $4)"
		      " AND state = 'pending' AND kind = 'unlock'",
		      DB_ARGS(DB_NUMBER(now_s), DB_TEXT(why),
			      DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
			      DB_BLOB(device, device ? DEVICE_ID_BYTES : 0)));
}

/* --- reading --------------------------------------------------------------------------------- */

struct walk {
	store_approval_each each;
	void *userdata;
	uint64_t now_s;
};

#define APPROVAL_COLUMNS                                                                           \
	"SELECT a.id, a.device, a.waiver, d.name, a.kind, a.source, a.reason, a.state,"            \
	" a.created_by, a.decided_by, a.detail, a.created_s, a.last_s, a.asked,"                   \
	" a.deferred_until_s, a.decided_s,"                                                        \
	" (SELECT count(*) FROM approval_vote v WHERE v.approval = a.id"                           \
	"  AND " STORE_MAY_VOTE "),"                                                               \
	" (SELECT max(g.quorum) FROM approval_group g WHERE g.organization = a.organization"       \
	"  AND " STORE_UNDER_GROUP "),"                                                            \
	" (SELECT count(*) FROM approval b WHERE b.device = a.device AND b.state = 'pending'"      \
	"  AND b.kind = 'unlock' AND b.source <> a.source AND b.until_s > $2),"                    \
	" a.until_s"                                                                               \
	" FROM approval a JOIN device d ON d.id = a.device WHERE a.organization = $1"

static int take_waiver_id(const struct db_row *row, struct store_approval *approval)
{
	size_t len;

	(void)db_blob(row, 2, &len);
	return len ? db_blob_copy(row, 2, approval->waiver, sizeof(approval->waiver)) : 0;
}

static int take_approval(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_approval approval = {
		.device_name = db_text(row, 3),
		.kind = db_text(row, 4),
		.source = db_text(row, 5),
		.reason = db_text(row, 6),
		.state = db_text(row, 7),
		.created_by = db_text(row, 8),
		.decided_by = db_text(row, 9),
		.detail = db_text(row, 10),
		.created_s = db_number(row, 11),
		.last_s = db_number(row, 12),
		.asked = db_number(row, 13),
		.deferred_until_s = db_number(row, 14),
		.decided_s = db_number(row, 15),
		.votes = db_number(row, 16),
		.quorum = MAX(db_number(row, 17), 1),
		.other_addresses = db_number(row, 18),
	};
	int r;

	/* Stale, and not yet marked so by the next one who asks. */
	if (strcmp(approval.state, "pending") == 0 && db_number(row, 19) <= walk->now_s)
		approval.state = "ended";
	r = db_blob_copy(row, 0, approval.id, sizeof(approval.id));
	if (r == 0)
		r = db_blob_copy(row, 1, approval.device, sizeof(approval.device));
	if (r == 0)
		r = take_waiver_id(row, &approval);
	return r < 0 ? r : walk->each(&approval, walk->userdata);
}

int store_approvals(struct store *store, const uint8_t organization[static 16], bool pending_only,
		    store_approval_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return db_query(store->db,
			APPROVAL_COLUMNS " AND ($3 = 0 OR (a.state = 'pending'"
					 " AND a.until_s > $2))"
					 " ORDER BY a.serial DESC LIMIT $4",
			DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(walk.now_s),
				DB_NUMBER(pending_only ? 1 : 0), DB_NUMBER(STORE_LIST_MAX)),
			take_approval, &walk);
}

int store_approval(struct store *store, const uint8_t organization[static 16],
		   const uint8_t id[static 16], store_approval_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return store_one(store, APPROVAL_COLUMNS " AND a.id = $3",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES),
				 DB_NUMBER(walk.now_s), DB_BLOB(id, 16)),
			 take_approval, &walk);
}
