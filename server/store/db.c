/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hands each call to the back end that the store's place has chosen.
 */
#include "server/store/db.h"

#include <errno.h>
#include <string.h>

#include "server/store/db_backend.h"

int db_open(const char *place, bool create, struct db **ret)
{
	return db_place_is_url(place) ? db_postgres_open(place, create, ret)
				      : db_sqlite_open(place, create, ret);
}

void db_close(struct db *db)
{
	db->backend->close(db);
}

enum process_reach db_reach(const struct db *db)
{
	return db->backend->reach(db);
}

int db_claim(struct db *db, const char *writer)
{
	return db->backend->claim(db, writer);
}

int db_script(struct db *db, const char *sql)
{
	return db->backend->script(db, sql);
}

int db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
	     int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	return db->backend->query(db, sql, args, count, each, userdata);
}

int db_run(struct db *db, const char *sql, const struct db_value *args, size_t count)
{
	return db->backend->query(db, sql, args, count, NULL, NULL);
}

uint64_t db_changes(struct db *db)
{
	return db->backend->changes(db);
}

/* --- rows ------------------------------------------------------------------------------------ */

uint64_t db_number(const struct db_row *row, int column)
{
	return row->backend->number(row, column);
}

double db_real(const struct db_row *row, int column)
{
	return row->backend->real(row, column);
}

const char *db_text(const struct db_row *row, int column)
{
	return row->backend->text(row, column);
}

const void *db_blob(const struct db_row *row, int column, size_t *ret_len)
{
	return row->backend->blob(row, column, ret_len);
}

int db_blob_copy(const struct db_row *row, int column, void *ret, size_t len)
{
	size_t found;
	const void *bytes = db_blob(row, column, &found);

	if (found != len)
		return fail(-EIO, "the store is damaged: a value has %zu bytes instead of %zu",
			    found, len);
	memcpy(ret, bytes, len);
	return 0;
}

int db_text_copy(const struct db_row *row, int column, char *ret, size_t size)
{
	const char *text = db_text(row, column);

	if (strlen(text) >= size)
		return fail(-EIO, "the store is damaged: a text is longer than %zu bytes",
			    size - 1);
	strcpy(ret, text); /* length checked above */
	return 0;
}

/* --- transactions ---------------------------------------------------------------------------- */

int db_begin(struct db *db)
{
	return db->backend->begin(db);
}

int db_begin_keyed(struct db *db, const uint64_t *keys, size_t count)
{
	return db->backend->begin_keyed(db, keys, count);
}

int db_begin_reading(struct db *db)
{
	return db->backend->begin_reading(db);
}

int db_commit(struct db *db)
{
	return db->backend->commit(db);
}

void db_rollback(struct db *db)
{
	db->backend->rollback(db);
}

void db_scrub(struct db *db)
{
	if (db->backend->scrub)
		db->backend->scrub(db);
}

int db_copy(struct db *db, const char *path)
{
	if (!db->backend->copy)
		return fail(-ENOTSUP, "the store is in a database server, which has its own tools "
				      "for that (pg_dump): docs/backup.md");
	return db->backend->copy(db, path);
}

int db_now(struct db *db, uint64_t *ret)
{
	return db->backend->now(db, ret);
}

int db_changes_of_others(struct db *db, uint64_t *ret)
{
	return db->backend->changes_of_others(db, ret);
}

int db_version(struct db *db, uint64_t *ret)
{
	return db->backend->version(db, ret);
}

int db_set_version(struct db *db, uint64_t version)
{
	return db->backend->set_version(db, version);
}
