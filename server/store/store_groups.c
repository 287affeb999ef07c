/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Approval groups: whose unlocks people approve, who may, and how many must.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

struct walk {
	store_group_each each;
	void *userdata;
};

#define GROUP_COLUMNS                                                                              \
	"SELECT name, tags, approvers, quorum, created_by, created_s, changed_s, change_delay_s"   \
	" FROM approval_group WHERE organization = $1"

static int take_group(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_group group = {
		.name = db_text(row, 0),
		.tags = db_text(row, 1),
		.approvers = db_text(row, 2),
		.quorum = db_number(row, 3),
		.created_by = db_text(row, 4),
		.created_s = db_number(row, 5),
		.changed_s = db_number(row, 6),
		.change_delay_s = db_number(row, 7),
	};

	return walk->each(&group, walk->userdata);
}

int store_groups(struct store *store, const uint8_t organization[static 16], store_group_each each,
		 void *userdata)
{
	struct walk walk = { each, userdata };

	return db_query(
		store->db, GROUP_COLUMNS " ORDER BY name LIMIT $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(STORE_LIST_MAX)),
		take_group, &walk);
}

int store_group(struct store *store, const uint8_t organization[static 16], const char *name,
		store_group_each each, void *userdata)
{
	struct walk walk = { each, userdata };

	return store_one(store, GROUP_COLUMNS " AND name = $2",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_TEXT(name)),
			 take_group, &walk);
}

/* --- changing -------------------------------------------------------------------------------- */

static int delete_tags(struct store *store, const struct store_by *by, const char *name)
{
	return db_run(store->db,
		      "DELETE FROM approval_group_tag WHERE organization = $1 AND name = $2",
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(name)));
}

static int insert_tags(struct store *store, const struct store_by *by,
		       const struct store_new_group *group)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->tag_count; i++)
		r = db_run(store->db,
			   "INSERT INTO approval_group_tag (organization, name, tag)"
			   " VALUES ($1, $2, $3)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_TEXT(group->name), DB_TEXT(group->tag_texts[i])));
	return r;
}

static int finish(struct store *store, const struct store_by *by, const char *event,
		  const struct store_new_group *group)
{
	CLEANUP_FREE char *detail = NULL;
	int r;

	r = text_format(&detail, "%s: tags %s, approvers %s, quorum %llu, changes after %llu s",
			group->name, group->tags, group->approvers,
			(unsigned long long)group->quorum,
			(unsigned long long)group->change_delay_s);
	if (r == 0)
		r = store_approvals_end(store, by, NULL, "an approval group was changed");
	return r != 0 ? r : store_audit_action(store, by, event, NULL, detail);
}

static int create(struct store *store, const struct store_by *by,
		  const struct store_new_group *group)
{
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO approval_group (organization, name, tags, approvers,"
			   " quorum, created_by, created_s, changed_s, change_delay_s)"
			   " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_TEXT(group->name), DB_TEXT(group->tags),
				   DB_TEXT(group->approvers), DB_NUMBER(group->quorum),
				   DB_TEXT(by->actor), DB_NUMBER(now_s),
				   DB_NUMBER(group->change_delay_s)));
	if (r == 0)
		r = insert_tags(store, by, group);
	return r != 0 ? r : finish(store, by, "approval-group-created", group);
}

int store_group_create(struct store *store, const struct store_by *by,
		       const struct store_new_group *group)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, create(store, by, group));
}

static int change(struct store *store, const struct store_by *by,
		  const struct store_new_group *group)
{
	uint64_t now_s;
	int r;

	r = store_guard(store, by, SUBJECT_GROUP, group->name);
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE approval_group SET tags = $1, approvers = $2, quorum = $3,"
			   " changed_s = $4, change_delay_s = $7"
			   " WHERE organization = $5 AND name = $6",
			   DB_ARGS(DB_TEXT(group->tags), DB_TEXT(group->approvers),
				   DB_NUMBER(group->quorum), DB_NUMBER(now_s),
				   DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_TEXT(group->name), DB_NUMBER(group->change_delay_s)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	if (r == 0)
		r = delete_tags(store, by, group->name);
	if (r == 0)
		r = insert_tags(store, by, group);
	return r != 0 ? r : finish(store, by, "approval-group-changed", group);
}

int store_group_change(struct store *store, const struct store_by *by,
		       const struct store_new_group *group)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, change(store, by, group));
}

static int delete (struct store *store, const struct store_by *by, const char *name)
{
	int r = store_guard(store, by, SUBJECT_GROUP, name);

	if (r == 0)
		r = delete_tags(store, by, name);
	if (r == 0)
		r = db_run(
			store->db,
			"DELETE FROM approval_group WHERE organization = $1 AND name = $2",
			DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(name)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	if (r == 0)
		r = store_approvals_end(store, by, NULL, "an approval group was deleted");
	return r != 0 ? r : store_audit_action(store, by, "approval-group-deleted", NULL, name);
}

int store_group_delete(struct store *store, const struct store_by *by, const char *name)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, delete (store, by, name));
}
