/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See store_guard.h. Whose agreement is needed is asked of the groups as they are, at each vote and
 * again in the transaction of the change itself.
 */
#include "server/store/store_guard.h"

#include <errno.h>
#include <string.h>

#include "common/strbuf.h"

static const char *const subject_names[] = {
	[SUBJECT_DEVICE] = "device",
	[SUBJECT_NETWORK_LIST] = "network-list",
	[SUBJECT_GROUP] = "approval-group",
	[SUBJECT_AUTHORIZER] = "authorizer",
};

const char *guard_subject_name(enum store_subject subject)
{
	return subject_names[subject];
}

int guard_subject_of(const char *name, enum store_subject *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(subject_names); i++) {
		if (strcmp(name, subject_names[i]) == 0) {
			*ret = (enum store_subject)i;
			return 0;
		}
	}
	return fail(-EIO, "the store is damaged: a proposal makes no sense");
}

/* --- whose agreement -------------------------------------------------------------------------- */

/* $1 organization, $2 the subject's name, $3 the proposal, $4 the voter, $5 now. */
#define GROUPS_WHERE                                                                               \
	"SELECT CASE WHEN g.approvers = '[]'"                                                      \
	"  OR replace(g.approvers, '\"' || $4 || '\"', '') <> g.approvers THEN 1 ELSE 0 END,"      \
	" g.quorum, (SELECT count(*) FROM proposal_vote v WHERE v.proposal = $3"                   \
	"  AND " STORE_MAY_VOTE "  AND (g.approvers = '[]'"                                        \
	"   OR replace(g.approvers, '\"' || v.member || '\"', '') <> g.approvers)),"               \
	" g.change_delay_s, CASE WHEN g.change_delay_s > 0 AND EXISTS (SELECT 1 FROM proposal p"   \
	"  WHERE p.id = $3 AND p.created_s + g.change_delay_s <= $5) THEN 1 ELSE 0 END"            \
	" FROM approval_group g WHERE g.organization = $1 AND g.quorum > 1 AND "

static const char *const group_queries[] = {
	[SUBJECT_DEVICE] = GROUPS_WHERE
	"EXISTS (SELECT 1 FROM device d WHERE d.organization = g.organization"
	" AND d.id = $2 AND " STORE_UNDER_GROUP ")",
	[SUBJECT_NETWORK_LIST] = GROUPS_WHERE
	"EXISTS (SELECT 1 FROM device d WHERE d.organization = g.organization AND d.revoked_s = 0"
	" AND replace(d.networks, '\"' || $2 || '\"', '') <> d.networks AND " STORE_UNDER_GROUP ")",
	[SUBJECT_GROUP] = GROUPS_WHERE "g.name = $2",
	[SUBJECT_AUTHORIZER] = GROUPS_WHERE
	"$2 = '' AND EXISTS (SELECT 1 FROM device d WHERE d.organization = g.organization"
	" AND d.revoked_s = 0 AND " STORE_UNDER_GROUP ")",
};

static int take_group(const struct db_row *row, void *userdata)
{
	struct guard_tally *tally = userdata;
	bool has_quorum = db_number(row, 2) >= db_number(row, 1);
	bool is_due = db_number(row, 4) > 0;

	tally->groups++;
	tally->mine += db_number(row, 0) > 0;
	tally->complete += has_quorum || is_due;
	tally->late += is_due && !has_quorum;
	tally->quorum = MAX(tally->quorum, db_number(row, 1));
	tally->delay_s = MAX(tally->delay_s, db_number(row, 3));
	tally->waits_ever = tally->waits_ever || db_number(row, 3) == 0;
	return 0;
}

static int subject_value(enum store_subject subject, const char *name, uint8_t id[static 16],
			 struct db_value *ret)
{
	if (subject != SUBJECT_DEVICE)
		*ret = DB_TEXT(name);
	else if (text_unhex(id, DEVICE_ID_BYTES, name) == 0)
		*ret = DB_BLOB(id, DEVICE_ID_BYTES);
	else
		return fail(-EIO, "the store is damaged: a proposal names no device");
	return 0;
}

int guard_count(struct store *store, const struct store_by *by, enum store_subject subject,
		const char *name, const uint8_t *proposal, struct guard_tally *ret)
{
	static const uint8_t none[16];
	uint8_t id[DEVICE_ID_BYTES];
	struct db_value value;
	uint64_t now_s;
	int r = subject_value(subject, name, id, &value);

	*ret = (struct guard_tally){ .groups = 0 };
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r < 0)
		return r;
	return db_query(store->db, group_queries[subject],
			DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), value,
				DB_BLOB(proposal ? proposal : none, 16), DB_TEXT(by->actor),
				DB_NUMBER(now_s)),
			take_group, ret);
}

int guard_audit(struct store *store, const struct store_by *by, const char *event,
		const uint8_t *id, const char *path)
{
	CLEANUP_FREE char *detail = NULL;
	char hex[33];
	int r;

	text_hex(hex, id, 16);
	r = text_format(&detail, "proposal %s: %s", hex, path);
	return r < 0 ? r : store_audit_action(store, by, event, NULL, detail);
}

/* --- the change itself ------------------------------------------------------------------------ */

/* It is used up with the change that it is for, once, and only while it is pending. */
static int use_proposal(struct store *store, const struct store_by *by, enum store_subject subject,
			const char *name, const char *event)
{
	uint64_t now_s;
	int r = db_now(store->db, &now_s);

	if (r == 0)
		r = db_run(store->db,
			   "UPDATE proposal SET state = 'agreed', decided_s = $1, decided_by = $2"
			   " WHERE organization = $3 AND id = $4 AND subject = $5 AND name = $6"
			   " AND state = 'pending' AND until_s > $1",
			   DB_ARGS(DB_NUMBER(now_s), DB_TEXT(by->actor),
				   DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_BLOB(by->proposal, 16), DB_TEXT(subject_names[subject]),
				   DB_TEXT(name)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NEEDS_QUORUM;
	return r != 0 ? r : guard_audit(store, by, event, by->proposal, name);
}

int store_guard(struct store *store, const struct store_by *by, enum store_subject subject,
		const char *name)
{
	struct guard_tally tally;
	int r = guard_count(store, by, subject, name, by->proposal, &tally);

	if (r != 0)
		return r;
	if (!guard_is_complete(&tally))
		return STORE_NEEDS_QUORUM;
	if (!by->proposal)
		return 0;
	return use_proposal(store, by, subject, name,
			    tally.late > 0 ? "proposal-due" : "proposal-agreed");
}

int store_guard_device(struct store *store, const struct store_by *by, const uint8_t *device)
{
	char hex[2 * DEVICE_ID_BYTES + 1];

	text_hex(hex, device, DEVICE_ID_BYTES);
	return store_guard(store, by, SUBJECT_DEVICE, hex);
}
