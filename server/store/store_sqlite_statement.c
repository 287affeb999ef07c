/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See store_sqlite.h. Statements are prepared once and kept; they are known by the address of their
 * text.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "server/store/store_sqlite.h"

struct lite_row {
	struct db_row base;
	sqlite3_stmt *handle;
};

static sqlite3_stmt *statement_of(const struct db_row *row)
{
	return ((const struct lite_row *)row)->handle;
}

static int prepare(struct lite *db, const char *sql, sqlite3_stmt **ret)
{
	sqlite3_stmt *handle;
	int code;

	for (size_t i = 0; i < db->count; i++) {
		if (db->statements[i].sql == sql) {
			*ret = db->statements[i].handle;
			return 0;
		}
	}
	if (db->count == LITE_STATEMENTS_MAX)
		return fail(-EINVAL, "too many kinds of statements: raise LITE_STATEMENTS_MAX");
	code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
	if (code != SQLITE_OK)
		return lite_fail(db, code);
	db->statements[db->count++] = (struct lite_statement){ sql, handle };
	*ret = handle;
	return 0;
}

static int bind_one(sqlite3_stmt *handle, int at, const struct db_value *value)
{
	const char *text = value->bytes ? value->bytes : "";

	switch (value->type) {
	case DB_TYPE_NUMBER: return sqlite3_bind_int64(handle, at, (sqlite3_int64)value->number);
	case DB_TYPE_REAL: return sqlite3_bind_double(handle, at, value->real);
	case DB_TYPE_TEXT: return sqlite3_bind_text(handle, at, text, -1, SQLITE_STATIC);
	case DB_TYPE_BLOB: return sqlite3_bind_blob64(handle, at, text, value->len, SQLITE_STATIC);
	case DB_TYPE_NULL: break;
	}
	return sqlite3_bind_null(handle, at);
}

static int bind(struct lite *db, sqlite3_stmt *handle, const struct db_value *args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[24];
		int at, code;

		snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(handle, name);
		if (at == 0)
			return fail(-EINVAL, "statement without parameter %s: %s", name,
				    sqlite3_sql(handle));
		code = bind_one(handle, at, &args[i]);
		if (code != SQLITE_OK)
			return lite_fail(db, code);
	}
	if ((size_t)sqlite3_bind_parameter_count(handle) != count)
		return fail(-EINVAL, "statement with more parameters than given: %s",
			    sqlite3_sql(handle));
	return 0;
}

static int step(struct lite *db, sqlite3_stmt *handle,
		int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	const struct lite_row row = { { db->base.backend }, handle };
	int code;

	while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
		int r = each ? each(&row.base, userdata) : 0;

		if (r != 0)
			return r;
	}
	if (code == SQLITE_DONE)
		return 0;
	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
		return DB_CONFLICT;
	return lite_fail(db, code);
}

int lite_query(struct lite *db, const char *sql, const struct db_value *args, size_t count,
	       int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	sqlite3_stmt *handle = NULL;
	int r;

	r = prepare(db, sql, &handle);
	if (r < 0)
		return r;
	r = bind(db, handle, args, count);
	if (r == 0)
		r = step(db, handle, each, userdata);
	if (r == 0 && !each)
		db->changes = (uint64_t)sqlite3_changes(db->handle);
	sqlite3_reset(handle);
	sqlite3_clear_bindings(handle);
	return r;
}

void lite_statements_done(struct lite *db)
{
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i].handle);
}

/* --- rows ------------------------------------------------------------------------------------ */

uint64_t lite_number(const struct db_row *row, int column)
{
	sqlite3_int64 number = sqlite3_column_int64(statement_of(row), column);

	return number < 0 ? 0 : (uint64_t)number;
}

double lite_real(const struct db_row *row, int column)
{
	return sqlite3_column_double(statement_of(row), column);
}

const char *lite_text(const struct db_row *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement_of(row), column);

	return text ? text : "";
}

const void *lite_blob(const struct db_row *row, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(statement_of(row), column);

	*ret_len = (size_t)sqlite3_column_bytes(statement_of(row), column);
	return bytes;
}
