/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quarantine, copies of the store, and files inside of a copy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store_internal.h"

/* --- quarantine ------------------------------------------------------------------------------ */

int store_quarantine(struct store *store, uint64_t *ret_since_s)
{
	return db_query(store->db, "SELECT max(since_s) FROM quarantine", DB_NO_ARGS,
			store_take_number, ret_since_s);
}

static int note(struct store *store, const char *event, const char *actor, const char *detail)
{
	struct store_audit_entry entry = { .event = event, .actor = actor, .detail = detail };

	return store_audit_append(store, store_system, &entry);
}

/* Of an older time: waivers, and requests about which people may have decided otherwise. */
static int end_permissions(struct store *store, uint64_t now_s)
{
	int r = db_run(store->db, "UPDATE waiver SET cancelled_s = $1 WHERE cancelled_s = 0",
		       DB_ARGS(DB_NUMBER(now_s)));

	if (r != 0)
		return r;
	return db_run(store->db,
		      "UPDATE approval SET state = 'ended', decided_s = $1, detail = $2"
		      " WHERE state = 'pending'",
		      DB_ARGS(DB_NUMBER(now_s), DB_TEXT("the server is in quarantine")));
}

static int begin_quarantine(struct store *store, const char *actor, const char *reason)
{
	uint64_t since_s = 0, now_s;
	int r = store_quarantine(store, &since_s);

	if (r != 0 || since_s > 0)
		return r;
	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO quarantine (one, since_s, reason) VALUES (1, $1, $2)",
			   DB_ARGS(DB_NUMBER(now_s), DB_TEXT(reason)));
	if (r == 0)
		r = end_permissions(store, now_s);
	return r != 0 ? r : note(store, "quarantine-begun", actor, reason);
}

int store_quarantine_begin(struct store *store, const char *actor, const char *reason)
{
	int r = db_begin(store->db);

	return r < 0 ? r : store_end(store, begin_quarantine(store, actor, reason));
}

int store_quarantine_end(struct store *store, const char *actor, const char *detail)
{
	int r = db_run(store->db, "DELETE FROM quarantine", DB_NO_ARGS);

	if (r == 0 && db_changes(store->db) == 0)
		return STORE_CONFLICT;
	return r != 0 ? r : note(store, "quarantine-ended", actor, detail);
}

/* --- copies ---------------------------------------------------------------------------------- */

int store_copy(struct store *store, const char *path)
{
	return db_copy(store->db, path);
}

int store_backup_file_put(struct store *store, const char *name, const void *bytes, size_t len)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store,
			 db_run(store->db, "INSERT INTO backup_file (name, bytes) VALUES ($1, $2)",
				DB_ARGS(DB_TEXT(name), DB_BLOB(bytes, len))));
}

struct taken {
	void *bytes;
	size_t len;
};

static int take_bytes(const struct db_row *row, void *userdata)
{
	struct taken *taken = userdata;
	const void *bytes = db_blob(row, 0, &taken->len);

	taken->bytes = calloc(1, taken->len + 1);
	if (!taken->bytes)
		return fail(-ENOMEM, "out of memory");
	if (taken->len > 0)
		memcpy(taken->bytes, bytes, taken->len);
	return 0;
}

int store_backup_file_get(struct store *store, const char *name, void **ret, size_t *ret_len)
{
	struct taken taken = { .bytes = NULL };
	int r = store_one(store, "SELECT bytes FROM backup_file WHERE name = $1",
			  DB_ARGS(DB_TEXT(name)), take_bytes, &taken);

	if (r != 0)
		return r;
	*ret = taken.bytes;
	*ret_len = taken.len;
	return 0;
}

int store_backup_files_forget(struct store *store)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	r = store_end(store, db_run(store->db, "DELETE FROM backup_file", DB_NO_ARGS));
	if (r == 0)
		db_scrub(store->db);
	return r;
}
