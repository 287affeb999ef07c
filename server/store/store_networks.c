/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network lists: address ranges under a name that devices share. A name is kept as devices name it,
 * between quotes in a JSON array text; names have no character that JSON would escape.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

struct walk {
	store_network_each each;
	void *userdata;
};

#define NETWORK_COLUMNS                                                                            \
	"SELECT name, ranges, description, created_by, created_s, changed_s FROM network_list"     \
	" WHERE organization = $1"

static int take_network(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_network network = {
		.name = db_text(row, 0),
		.ranges = db_text(row, 1),
		.description = db_text(row, 2),
		.created_by = db_text(row, 3),
		.created_s = db_number(row, 4),
		.changed_s = db_number(row, 5),
	};

	return walk->each(&network, walk->userdata);
}

int store_networks(struct store *store, const uint8_t organization[static 16],
		   store_network_each each, void *userdata)
{
	struct walk walk = { each, userdata };

	return db_query(
		store->db, NETWORK_COLUMNS " ORDER BY name LIMIT $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(STORE_LIST_MAX)),
		take_network, &walk);
}

int store_network(struct store *store, const uint8_t organization[static 16], const char *name,
		  store_network_each each, void *userdata)
{
	struct walk walk = { each, userdata };

	return store_one(store, NETWORK_COLUMNS " AND name = $2",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_TEXT(name)),
			 take_network, &walk);
}

static int audit_network(struct store *store, const struct store_by *by, const char *event,
			 const char *name, const char *ranges)
{
	CLEANUP_FREE char *detail = NULL;
	int r = text_format(&detail, "%s%s%s", name, ranges ? ": " : "", ranges ? ranges : "");

	return r < 0 ? r : store_audit_action(store, by, event, NULL, detail);
}

static int create(struct store *store, const struct store_by *by, const char *name,
		  const char *ranges, const char *description)
{
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO network_list (organization, name, ranges, description,"
			   " created_by, created_s, changed_s) VALUES ($1, $2, $3, $4, $5, $6, $6)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(name),
				   DB_TEXT(ranges), DB_TEXT(description), DB_TEXT(by->actor),
				   DB_NUMBER(now_s)));
	return r != 0 ? r : audit_network(store, by, "network-list-created", name, ranges);
}

int store_network_create(struct store *store, const struct store_by *by, const char *name,
			 const char *ranges, const char *description)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, create(store, by, name, ranges, description));
}

static int change(struct store *store, const struct store_by *by, const char *name,
		  const char *ranges, const char *description)
{
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE network_list SET ranges = coalesce($1, ranges),"
			   " description = coalesce($2, description), changed_s = $3"
			   " WHERE organization = $4 AND name = $5",
			   DB_ARGS(store_optional_text(ranges), store_optional_text(description),
				   DB_NUMBER(now_s),
				   DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_TEXT(name)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	if (r == 0 && ranges)
		r = store_guard(store, by, SUBJECT_NETWORK_LIST, name);
	if (r == 0)
		r = store_approvals_end(store, by, NULL, "a network list was changed");
	return r != 0 ? r : audit_network(store, by, "network-list-changed", name, ranges);
}

int store_network_change(struct store *store, const struct store_by *by, const char *name,
			 const char *ranges, const char *description)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, change(store, by, name, ranges, description));
}

static int delete (struct store *store, const struct store_by *by, const char *name)
{
	struct db_value organization = DB_BLOB(by->organization, ORGANIZATION_ID_BYTES);
	uint64_t uses = 0;
	int r;

	r = db_query(
		store->db,
		"SELECT (SELECT count(*) FROM device WHERE organization = $1 AND revoked_s = 0"
		"  AND replace(networks, '\"' || $2 || '\"', '') <> networks)"
		" + (SELECT count(*) FROM enrollment_key WHERE organization = $1"
		"  AND revoked_s = 0 AND replace(networks, '\"' || $2 || '\"', '') <> networks)",
		DB_ARGS(organization, DB_TEXT(name)), store_take_number, &uses);
	if (r == 0 && uses > 0)
		return STORE_CONFLICT;
	if (r == 0)
		r = db_run(store->db,
			   "DELETE FROM network_list WHERE organization = $1 AND name = $2",
			   DB_ARGS(organization, DB_TEXT(name)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	return r != 0 ? r : audit_network(store, by, "network-list-deleted", name, NULL);
}

int store_network_delete(struct store *store, const struct store_by *by, const char *name)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, delete (store, by, name));
}

int store_networks_exist(struct store *store, const uint8_t organization[static 16],
			 const char *names)
{
	uint64_t missing = 0;
	int r;

	r = db_query(store->db,
		     "SELECT length($2) - length(replace($2, '\"', ''))"
		     " - 2 * (SELECT count(*) FROM network_list WHERE organization = $1"
		     "  AND replace($2, '\"' || name || '\"', '') <> $2)",
		     DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_TEXT(names)),
		     store_take_number, &missing);
	return r == 0 && missing > 0 ? STORE_NO_LIST : r;
}
