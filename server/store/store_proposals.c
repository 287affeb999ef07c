/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See store_proposals.h: proposals are made, voted on, read. Whose agreement they need is in
 * store_guard.c.
 */
#include "server/store/store_proposals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "server/store/store_guard.h"

/* --- proposing -------------------------------------------------------------------------------- */

struct found {
	uint8_t id[16];
	bool is_there;
};

static int take_found(const struct db_row *row, void *userdata)
{
	struct found *found = userdata;

	found->is_there = true;
	return db_blob_copy(row, 0, found->id, sizeof(found->id));
}

static int find_same(struct store *store, const struct store_by *by,
		     const struct store_new_proposal *new, uint64_t now_s, struct found *ret)
{
	return db_query(store->db,
			"SELECT id FROM proposal WHERE organization = $1 AND path = $2"
			" AND body = $3 AND created_by = $4 AND state = 'pending' AND until_s > $5",
			DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				DB_TEXT(new->path), DB_TEXT(new->body), DB_TEXT(by->actor),
				DB_NUMBER(now_s)),
			take_found, ret);
}

static int insert(struct store *store, const struct store_by *by,
		  const struct store_new_proposal *new, const uint8_t *id, uint64_t now_s)
{
	uint64_t pending = 0, due_s;
	struct guard_tally tally;
	int r;

	r = db_query(store->db,
		     "SELECT count(*) FROM proposal WHERE organization = $1"
		     " AND state = 'pending' AND until_s > $2",
		     DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_NUMBER(now_s)),
		     store_take_number, &pending);
	if (r == 0 && pending >= STORE_PROPOSALS_MAX)
		return STORE_CONFLICT;
	if (r == 0)
		r = guard_count(store, by, new->subject, new->name, NULL, &tally);
	if (r != 0)
		return r;
	due_s = tally.groups > 0 && !tally.waits_ever ? now_s + tally.delay_s : 0;
	return db_run(store->db,
		      "INSERT INTO proposal (id, organization, subject, name, path, body, quorum,"
		      " created_by, created_s, until_s, due_s)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		      DB_ARGS(DB_BLOB(id, 16), DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
			      DB_TEXT(guard_subject_name(new->subject)), DB_TEXT(new->name),
			      DB_TEXT(new->path), DB_TEXT(new->body), DB_NUMBER(tally.quorum),
			      DB_TEXT(by->actor), DB_NUMBER(now_s),
			      DB_NUMBER(now_s + STORE_PROPOSAL_VALID_S), DB_NUMBER(due_s)));
}

static int make(struct store *store, const struct store_by *by,
		const struct store_new_proposal *new, struct found *ret)
{
	uint64_t now_s;
	int r = db_now(store->db, &now_s);

	if (r == 0)
		r = find_same(store, by, new, now_s, ret);
	if (r != 0 || ret->is_there)
		return r;
	r = random_bytes(ret->id, sizeof(ret->id));
	if (r == 0)
		r = insert(store, by, new, ret->id, now_s);
	return r != 0 ? r : guard_audit(store, by, "proposal-made", ret->id, new->path);
}

int store_proposal_make(struct store *store, const struct store_by *by,
			const struct store_new_proposal *new, uint8_t ret_id[static 16])
{
	struct found found = { .is_there = false };
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	r = store_end(store, make(store, by, new, &found));
	if (r == 0)
		memcpy(ret_id, found.id, sizeof(found.id));
	return r;
}

/* --- voting ----------------------------------------------------------------------------------- */

struct voting {
	enum store_subject subject;
	char name[128], path[256];
	bool is_pending, is_own;
	const struct store_by *by;
	uint64_t now_s;
};

static int take_proposal(const struct db_row *row, void *userdata)
{
	struct voting *voting = userdata;
	int r = guard_subject_of(db_text(row, 0), &voting->subject);

	voting->is_pending = strcmp(db_text(row, 3), "pending") == 0 &&
			     db_number(row, 4) > voting->now_s;
	voting->is_own = strcmp(db_text(row, 5), voting->by->actor) == 0;
	if (r == 0)
		r = db_text_copy(row, 1, voting->name, sizeof(voting->name));
	return r < 0 ? r : db_text_copy(row, 2, voting->path, sizeof(voting->path));
}

static int agree(struct store *store, const struct voting *voting, const uint8_t *id,
		 bool *ret_complete)
{
	struct guard_tally tally;
	int r;

	r = db_run(store->db,
		   "INSERT INTO proposal_vote (proposal, member, at_s) VALUES ($1, $2, $3)"
		   " ON CONFLICT (proposal, member) DO NOTHING",
		   DB_ARGS(DB_BLOB(id, 16), DB_TEXT(voting->by->actor), DB_NUMBER(voting->now_s)));
	if (r == 0)
		r = guard_count(store, voting->by, voting->subject, voting->name, id, &tally);
	if (r == 0)
		r = guard_audit(store, voting->by, "proposal-voted", id, voting->path);
	*ret_complete = r == 0 && guard_is_complete(&tally);
	return r;
}

static int deny(struct store *store, const struct voting *voting, const uint8_t *id)
{
	int r = db_run(
		store->db,
		"UPDATE proposal SET state = 'denied', decided_s = $1, decided_by = $2"
		" WHERE id = $3 AND state = 'pending'",
		DB_ARGS(DB_NUMBER(voting->now_s), DB_TEXT(voting->by->actor), DB_BLOB(id, 16)));

	return r != 0 ? r : guard_audit(store, voting->by, "proposal-denied", id, voting->path);
}

static int vote(struct store *store, struct voting *voting, const uint8_t *id, bool agrees,
		bool *ret_complete)
{
	struct guard_tally tally;
	int r = db_now(store->db, &voting->now_s);

	if (r == 0)
		r = store_one(store,
			      "SELECT subject, name, path, state, until_s, created_by"
			      " FROM proposal WHERE organization = $1 AND id = $2",
			      DB_ARGS(DB_BLOB(voting->by->organization, ORGANIZATION_ID_BYTES),
				      DB_BLOB(id, 16)),
			      take_proposal, voting);
	if (r == 0 && !voting->is_pending)
		r = STORE_CONFLICT;
	if (r == 0)
		r = guard_count(store, voting->by, voting->subject, voting->name, id, &tally);
	if (r != 0)
		return r;
	/* Nobody's agreement is missing any more, only somebody who has it made. */
	if (voting->is_own && agrees && tally.late > 0 && guard_is_complete(&tally)) {
		*ret_complete = true;
		return 0;
	}
	/* Whoever proposed it may take it back. */
	if (voting->is_own ? agrees : tally.groups > 0 && tally.mine == 0)
		return STORE_NOT_APPROVER;
	return agrees ? agree(store, voting, id, ret_complete) : deny(store, voting, id);
}

int store_proposal_vote(struct store *store, const struct store_by *by, const uint8_t id[static 16],
			bool agrees, bool *ret_complete)
{
	struct voting voting = { .by = by };
	int r = db_begin(store->db);

	*ret_complete = false;
	if (r < 0)
		return r;
	r = store_end(store, vote(store, &voting, id, agrees, ret_complete));
	if (r != 0)
		*ret_complete = false;
	return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct walk {
	store_proposal_each each;
	void *userdata;
	uint64_t now_s;
	bool pending_only;
};

#define PROPOSAL_COLUMNS                                                                           \
	"SELECT p.id, p.subject, p.name, p.path, p.body, p.state, p.created_by, p.decided_by,"     \
	" p.created_s, p.until_s, p.decided_s, p.quorum,"                                          \
	" (SELECT count(*) FROM proposal_vote v WHERE v.proposal = p.id"                           \
	"  AND " STORE_MAY_VOTE "), p.due_s"                                                       \
	" FROM proposal p WHERE p.organization = $1"

static int take_row(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_proposal proposal = {
		.subject = db_text(row, 1),
		.name = db_text(row, 2),
		.path = db_text(row, 3),
		.body = db_text(row, 4),
		.state = db_text(row, 5),
		.created_by = db_text(row, 6),
		.decided_by = db_text(row, 7),
		.created_s = db_number(row, 8),
		.until_s = db_number(row, 9),
		.decided_s = db_number(row, 10),
		.quorum = db_number(row, 11),
		.votes = db_number(row, 12),
		.due_s = db_number(row, 13),
	};
	bool is_pending = strcmp(proposal.state, "pending") == 0;
	int r;

	if (is_pending && proposal.until_s <= walk->now_s) {
		proposal.state = "expired";
		is_pending = false;
	}
	if (walk->pending_only && !is_pending)
		return 0;
	r = db_blob_copy(row, 0, proposal.id, sizeof(proposal.id));
	return r < 0 ? r : walk->each(&proposal, walk->userdata);
}

int store_proposals(struct store *store, const uint8_t organization[static 16], bool pending_only,
		    store_proposal_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0, pending_only };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return db_query(store->db,
			PROPOSAL_COLUMNS " AND ($2 = 0 OR p.state = 'pending')"
					 " ORDER BY p.serial DESC LIMIT $3",
			DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES),
				DB_NUMBER(pending_only ? 1 : 0), DB_NUMBER(STORE_LIST_MAX)),
			take_row, &walk);
}

int store_proposal(struct store *store, const uint8_t organization[static 16],
		   const uint8_t id[static 16], store_proposal_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0, false };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return store_one(store, PROPOSAL_COLUMNS " AND p.id = $2",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_BLOB(id, 16)),
			 take_row, &walk);
}
