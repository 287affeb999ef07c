/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to SQLite. WAL with synchronous=FULL: a committed row is on the disk. Temporary
 * data stays in memory, so that no file is opened after start (the processes are sandboxed).
 */
#include "server/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define STATEMENTS_MAX 192
/* Longer than any transaction of ours on a busy disk, short enough that a caller gets its 503
 * before it gives up. */
#define BUSY_MS 3000

struct statement {
	const char *sql;
	sqlite3_stmt *handle;
};

struct db {
	sqlite3 *handle;
	struct statement statements[STATEMENTS_MAX];
	size_t count;
	uint64_t changes;
};

/* The sentence for a result code. */
static int db_fail(struct db *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return fail(-EBUSY, "the store is held by another process: try again");
	case SQLITE_FULL: return fail(-ENOSPC, "the disk with the store is full: free some space");
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return fail(-EACCES, "the store can't be written: check the owner and mode of its "
				     "files and folder");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(-EIO, "the store is damaged (%s): restore a backup",
			    sqlite3_errmsg(db->handle));
	case SQLITE_NOMEM: return fail(-ENOMEM, "out of memory");
	default:
		return fail(-EIO, "the store fails: %s: look at the disk and the kernel's log",
			    sqlite3_errmsg(db->handle));
	}
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i].handle);
	sqlite3_close(db->handle);
	free(db);
}

DEFINE_CLEANUP(struct db *, db_close);

int db_script(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : db_fail(db, code);
}

/* SQLite would make the file with the umask's mode. */
static int create_file(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(-errno, "%s can't be made: %s", path, strerror(errno));
	return 0;
}

int db_open(const char *path, bool create, struct db **ret)
{
	CLEANUP(db_closep) struct db *db = calloc(1, sizeof(*db));
	int code, r;

	if (!db)
		return fail(-ENOMEM, "out of memory");
	r = create ? create_file(path) : 0;
	if (r < 0)
		return r;
	if (access(path, F_OK) != 0)
		return fail(-errno, "the store %s can't be opened: %s", path, strerror(errno));
	code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			       NULL);
	if (code != SQLITE_OK)
		return db->handle ? db_fail(db, code) : fail(-ENOMEM, "out of memory");
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	r = db_script(db, "PRAGMA journal_mode=WAL;"
			  "PRAGMA synchronous=FULL;"
			  "PRAGMA secure_delete=ON;"
			  "PRAGMA foreign_keys=ON;"
			  "PRAGMA temp_store=MEMORY;"
			  "PRAGMA cell_size_check=ON;"
			  "PRAGMA trusted_schema=OFF;");
	/* Opens the log and its index now, before the sandbox. */
	if (r == 0)
		r = db_begin(db);
	if (r < 0)
		return r;
	db_rollback(db);
	*ret = TAKE_PTR(db);
	return 0;
}

static int prepare(struct db *db, const char *sql, sqlite3_stmt **ret)
{
	sqlite3_stmt *handle;
	int code;

	for (size_t i = 0; i < db->count; i++) {
		if (db->statements[i].sql == sql) {
			*ret = db->statements[i].handle;
			return 0;
		}
	}
	if (db->count == STATEMENTS_MAX)
		return fail(-EINVAL, "too many kinds of statements: raise STATEMENTS_MAX");
	code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
	if (code != SQLITE_OK)
		return db_fail(db, code);
	db->statements[db->count++] = (struct statement){ sql, handle };
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

static int bind(struct db *db, sqlite3_stmt *handle, const struct db_value *args, size_t count)
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
			return db_fail(db, code);
	}
	if ((size_t)sqlite3_bind_parameter_count(handle) != count)
		return fail(-EINVAL, "statement with more parameters than given: %s",
			    sqlite3_sql(handle));
	return 0;
}

/* struct db_row is only ever a sqlite3_stmt in disguise. */
static sqlite3_stmt *statement_of(const struct db_row *row)
{
	return (sqlite3_stmt *)(uintptr_t)row;
}

static int step(struct db *db, sqlite3_stmt *handle,
		int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	int code;

	while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
		int r = each ? each((const struct db_row *)handle, userdata) : 0;

		if (r != 0)
			return r;
	}
	if (code == SQLITE_DONE)
		return 0;
	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
		return DB_CONFLICT;
	return db_fail(db, code);
}

int db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
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
	sqlite3_reset(handle);
	sqlite3_clear_bindings(handle);
	return r;
}

int db_run(struct db *db, const char *sql, const struct db_value *args, size_t count)
{
	int r = db_query(db, sql, args, count, NULL, NULL);

	if (r == 0)
		db->changes = (uint64_t)sqlite3_changes(db->handle);
	return r;
}

uint64_t db_changes(struct db *db)
{
	return db->changes;
}

uint64_t db_number(const struct db_row *row, int column)
{
	sqlite3_int64 number = sqlite3_column_int64(statement_of(row), column);

	return number < 0 ? 0 : (uint64_t)number;
}

double db_real(const struct db_row *row, int column)
{
	return sqlite3_column_double(statement_of(row), column);
}

const char *db_text(const struct db_row *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement_of(row), column);

	return text ? text : "";
}

const void *db_blob(const struct db_row *row, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(statement_of(row), column);

	*ret_len = (size_t)sqlite3_column_bytes(statement_of(row), column);
	return bytes;
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

int db_begin(struct db *db)
{
	return db_run(db, "BEGIN IMMEDIATE", DB_NO_ARGS);
}

int db_commit(struct db *db)
{
	int r = db_run(db, "COMMIT", DB_NO_ARGS);

	if (r != 0)
		db_rollback(db);
	return r;
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static int take_number(const struct db_row *row, void *userdata)
{
	*(uint64_t *)userdata = db_number(row, 0);
	return 0;
}

int db_now(struct db *db, uint64_t *ret)
{
	return db_query(db, "SELECT CAST(strftime('%s','now') AS INTEGER)", DB_NO_ARGS, take_number,
			ret);
}

int db_changes_of_others(struct db *db, uint64_t *ret)
{
	return db_query(db, "PRAGMA data_version", DB_NO_ARGS, take_number, ret);
}

int db_version(struct db *db, uint64_t *ret)
{
	return db_query(db, "PRAGMA user_version", DB_NO_ARGS, take_number, ret);
}

int db_set_version(struct db *db, uint64_t version)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version=%u", (unsigned)version);
	return db_script(db, sql);
}
