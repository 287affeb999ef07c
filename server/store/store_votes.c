/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deciding a request: one vote, and what follows from it, in one transaction. A device may be under
 * several groups: each must have its quorum, of votes by its own approvers. Who asked for a waiver
 * has no vote about it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "server/store/store_internal.h"

/* One vote on its way. */
struct voting {
	struct store *store;
	const struct store_by *by;
	const uint8_t *id;
	uint64_t now_s, defer_s;
	/* the request */
	uint8_t device[DEVICE_ID_BYTES], waiver[WAIVER_ID_BYTES];
	bool is_waiver, is_pending, is_own;
	char source[CIDR_TEXT_SIZE];
};

static int take_request(const struct db_row *row, void *userdata)
{
	struct voting *voting = userdata;
	size_t len;
	int r;

	voting->is_waiver = strcmp(db_text(row, 2), "waiver") == 0;
	voting->is_pending = strcmp(db_text(row, 4), "pending") == 0 &&
			     db_number(row, 5) > voting->now_s;
	voting->is_own = db_text(row, 6)[0] && strcmp(db_text(row, 6), voting->by->actor) == 0;
	(void)db_blob(row, 1, &len);
	r = db_blob_copy(row, 0, voting->device, sizeof(voting->device));
	if (r == 0 && len > 0)
		r = db_blob_copy(row, 1, voting->waiver, sizeof(voting->waiver));
	return r < 0 ? r : db_text_copy(row, 3, voting->source, sizeof(voting->source));
}

static int find_request(struct voting *voting)
{
	return store_one(voting->store,
			 "SELECT device, waiver, kind, source, state, until_s, created_by"
			 " FROM approval WHERE organization = $1 AND id = $2",
			 DB_ARGS(DB_BLOB(voting->by->organization, ORGANIZATION_ID_BYTES),
				 DB_BLOB(voting->id, 16)),
			 take_request, voting);
}

/* What the device's groups say. */
struct tally {
	uint64_t groups;   /* that it is under */
	uint64_t mine;	   /* of these, whose approver the voter is */
	uint64_t complete; /* of these, with their quorum */
};

static int take_group(const struct db_row *row, void *userdata)
{
	struct tally *tally = userdata;

	tally->groups++;
	tally->mine += db_number(row, 0) > 0;
	tally->complete += db_number(row, 2) >= db_number(row, 1);
	return 0;
}

static int count_votes(struct voting *voting, struct tally *ret)
{
	*ret = (struct tally){ .groups = 0 };
	return db_query(voting->store->db,
			"SELECT CASE WHEN g.approvers = '[]'"
			"  OR replace(g.approvers, '\"' || $4 || '\"', '') <> g.approvers THEN 1 "
			"ELSE 0 END,"
			" g.quorum, (SELECT count(*) FROM approval_vote v WHERE v.approval = $3"
			"  AND " STORE_MAY_VOTE "  AND (g.approvers = '[]'"
			"   OR replace(g.approvers, '\"' || v.member || '\"', '') <> g.approvers))"
			" FROM approval_group g JOIN device d ON d.organization = g.organization"
			" WHERE g.organization = $1 AND d.id = $2 AND " STORE_UNDER_GROUP,
			DB_ARGS(DB_BLOB(voting->by->organization, ORGANIZATION_ID_BYTES),
				DB_BLOB(voting->device, DEVICE_ID_BYTES), DB_BLOB(voting->id, 16),
				DB_TEXT(voting->by->actor)),
			take_group, ret);
}

int store_quorum(struct store *store, const uint8_t organization[static 16],
		 const uint8_t device[static DEVICE_ID_BYTES], uint64_t *ret)
{
	*ret = 0;
	return db_query(store->db,
			"SELECT max(g.quorum) FROM approval_group g"
			" JOIN device d ON d.organization = g.organization"
			" WHERE g.organization = $1 AND d.id = $2 AND " STORE_UNDER_GROUP,
			DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES),
				DB_BLOB(device, DEVICE_ID_BYTES)),
			store_take_number, ret);
}

static int audit_vote(struct voting *voting, const char *event)
{
	struct store_by by = *voting->by;
	char detail[CIDR_TEXT_SIZE + 16];

	snprintf(detail, sizeof(detail), "%s%s", voting->is_waiver ? "allow-once" : "from ",
		 voting->source);
	return store_audit_action(voting->store, &by, event, voting->device, detail);
}

static int decide_request(struct voting *voting, const char *state)
{
	return db_run(voting->store->db,
		      "UPDATE approval SET state = $1, decided_s = $2, decided_by = $3,"
		      " waiver = $4 WHERE id = $5 AND state = 'pending'",
		      DB_ARGS(DB_TEXT(state), DB_NUMBER(voting->now_s), DB_TEXT(voting->by->actor),
			      DB_BLOB(voting->waiver, WAIVER_ID_BYTES), DB_BLOB(voting->id, 16)));
}

/* --- what follows ---------------------------------------------------------------------------- */

/* The waiver for the device and address that asked. */
static int give_waiver(struct voting *voting)
{
	struct source_address source;
	struct store_new_waiver new = {
		.waives = WAIVES_ABSENCE | WAIVES_QUARANTINE | WAIVES_APPROVAL,
		.source = &source,
		.boots = 1,
		.replies_per_boot = WAIVER_REPLIES,
		.window_s = WAIVER_WINDOW_S,
		.expires_in_s = STORE_APPROVAL_VALID_S,
		.comment = "",
	};
	struct store_waiver_row row = {
		.by = voting->by, .device = voting->device, .kind = "approval", .new = &new
	};
	int r;

	if (source_parse(voting->source, &source) < 0)
		return fail(-EIO, "the store is damaged: a request's address makes no sense");
	r = random_bytes(row.id, sizeof(row.id));
	if (r == 0)
		r = store_waiver_insert(voting->store, &row, voting->now_s);
	memcpy(voting->waiver, row.id, sizeof(row.id));
	return r;
}

static int change_waiver(struct voting *voting, bool is_approved)
{
	return db_run(voting->store->db,
		      "UPDATE waiver SET proposed = 0,"
		      " cancelled_s = CASE WHEN $1 = 1 THEN cancelled_s ELSE $2 END"
		      " WHERE id = $3 AND proposed = 1",
		      DB_ARGS(DB_NUMBER(is_approved ? 1 : 0), DB_NUMBER(voting->now_s),
			      DB_BLOB(voting->waiver, WAIVER_ID_BYTES)));
}

static int approve(struct voting *voting)
{
	struct tally tally;
	int r;

	r = db_run(voting->store->db,
		   "INSERT INTO approval_vote (approval, member, at_s) VALUES ($1, $2, $3)"
		   " ON CONFLICT (approval, member) DO NOTHING",
		   DB_ARGS(DB_BLOB(voting->id, 16), DB_TEXT(voting->by->actor),
			   DB_NUMBER(voting->now_s)));
	if (r == 0)
		r = count_votes(voting, &tally);
	if (r != 0)
		return r;
	if (tally.complete < tally.groups)
		return audit_vote(voting, "approval-voted");
	r = voting->is_waiver ? change_waiver(voting, true) : give_waiver(voting);
	if (r == 0)
		r = decide_request(voting, "approved");
	return r != 0 ? r : audit_vote(voting, "approval-approved");
}

static int deny(struct voting *voting)
{
	int r = voting->is_waiver ? change_waiver(voting, false) : 0;

	if (r == 0)
		r = decide_request(voting, "denied");
	return r != 0 ? r : audit_vote(voting, "approval-denied");
}

static int defer(struct voting *voting)
{
	int r = db_run(
		voting->store->db, "UPDATE approval SET deferred_until_s = $1 WHERE id = $2",
		DB_ARGS(DB_NUMBER(voting->now_s + voting->defer_s), DB_BLOB(voting->id, 16)));

	return r != 0 ? r : audit_vote(voting, "approval-deferred");
}

static int (*const votes[])(struct voting *voting) = {
	[VOTE_APPROVE] = approve,
	[VOTE_DENY] = deny,
	[VOTE_DEFER] = defer,
};

static int vote_in(struct voting *voting, enum store_vote vote)
{
	struct tally tally;
	int r;

	r = db_now(voting->store->db, &voting->now_s);
	if (r == 0)
		r = find_request(voting);
	if (r != 0)
		return r;
	if (!voting->is_pending)
		return STORE_CONFLICT;
	r = count_votes(voting, &tally);
	if (r != 0)
		return r;
	/* Whoever asked may take it back. */
	if ((voting->is_own && vote != VOTE_DENY) || (tally.groups > 0 && tally.mine == 0))
		return STORE_NOT_APPROVER;
	return votes[vote](voting);
}

int store_approval_vote(struct store *store, const struct store_by *by, const uint8_t id[static 16],
			enum store_vote vote, uint64_t defer_s)
{
	struct voting voting = { .store = store, .by = by, .id = id, .defer_s = defer_s };
	int r;

	if ((size_t)vote >= ARRAY_SIZE(votes))
		return fail(-EINVAL, "no such vote");
	r = db_begin(store->db);
	if (r < 0)
		return r;
	return store_end(store, vote_in(&voting, vote));
}
