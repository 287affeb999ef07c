/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The back end under the store: statements with numbered parameters ($1 …), rows, transactions.
 * The SQL in store_*.c is what SQLite and PostgreSQL both understand (docs/store.md has the rules);
 * everything that differs is here. Behind it are store_sqlite.c and store_postgres*.c. Knows no
 * table of the store.
 */
#pragma once

#include <string.h>

#include "common/base.h"
#include "common/err.h"
#include "server/process.h"

struct db;
struct db_row;

/* An outcome besides 0: a uniqueness rule was broken; nothing was changed by this statement. After
 * an INSERT … VALUES the transaction goes on, after another statement it can only be rolled back.
 */
enum { DB_CONFLICT = 2 };

enum db_type { DB_TYPE_NUMBER, DB_TYPE_REAL, DB_TYPE_TEXT, DB_TYPE_BLOB, DB_TYPE_NULL };

struct db_value {
	enum db_type type;
	uint64_t number; /* below 2^63 */
	double real;
	const void *bytes;
	size_t len;
};

#define DB_NUMBER(n) ((struct db_value){ .type = DB_TYPE_NUMBER, .number = (n) })
#define DB_REAL(n) ((struct db_value){ .type = DB_TYPE_REAL, .real = (n) })
#define DB_TEXT(s) ((struct db_value){ .type = DB_TYPE_TEXT, .bytes = (s) })
#define DB_BLOB(p, n) ((struct db_value){ .type = DB_TYPE_BLOB, .bytes = (p), .len = (n) })
#define DB_NULL ((struct db_value){ .type = DB_TYPE_NULL })

/* The last two arguments of db_run() and db_query(): the parameters in their order. */
#define DB_ARGS(...)                                                                               \
	((const struct db_value[]){ __VA_ARGS__ }),                                                \
		ARRAY_SIZE(((const struct db_value[]){ __VA_ARGS__ }))
#define DB_NO_ARGS NULL, 0

/* Is the store's place a URL of a PostgreSQL database? Else it is the path of a file. */
static inline bool db_place_is_url(const char *place)
{
	return strncmp(place, "postgresql://", 13) == 0 || strncmp(place, "postgres://", 11) == 0;
}

/* Opens the database. create: a file that doesn't exist is made (0600), a PostgreSQL database must
 * be there and empty; -EEXIST when a store is there already. Else -ENOENT: there is none. */
int db_open(const char *place, bool create, struct db **ret) MUST_CHECK;
void db_close(struct db *db);

/* What the back end needs of the system once it is open, reconnecting included. */
enum process_reach db_reach(const struct db *db);

/* This connection, and its successors after a loss, write the audit lanes of this writer. -EBUSY:
 * somebody else does. */
int db_claim(struct db *db, const char *writer) MUST_CHECK;

/* Runs a schema file, inside a transaction. */
int db_script(struct db *db, const char *sql) MUST_CHECK;

/* One statement without rows. sql must be a constant: its preparation is kept under its address,
 * and argument n has the same type each time (or is null). */
int db_run(struct db *db, const char *sql, const struct db_value *args, size_t count) MUST_CHECK;

/* Rows changed by the last db_run(). */
uint64_t db_changes(struct db *db);

/* Calls each(row, userdata) for every row; a non-zero return stops and is returned. Texts and blobs
 * of the row live during the call. The callback must not run the same statement. */
int db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
	     int (*each)(const struct db_row *row, void *userdata), void *userdata) MUST_CHECK;

/* Columns from 0. A NULL is 0, "" or an empty blob. */
uint64_t db_number(const struct db_row *row, int column);
double db_real(const struct db_row *row, int column);
const char *db_text(const struct db_row *row, int column);
const void *db_blob(const struct db_row *row, int column, size_t *ret_len);
/* Exactly len bytes, or -EIO with a sentence: the store is damaged. */
int db_blob_copy(const struct db_row *row, int column, void *ret, size_t len) MUST_CHECK;
/* -EIO with a sentence when the text doesn't fit. */
int db_text_copy(const struct db_row *row, int column, char *ret, size_t size) MUST_CHECK;

/* A transaction that holds the write lock from its start: it runs as if no other transaction were
 * there, on any node. */
int db_begin(struct db *db) MUST_CHECK;

/* A transaction that runs beside others of its kind, but never beside one of db_begin(), nor beside
 * one that has a key in common. For what happens often and touches only rows that its keys stand
 * for (a device's) and audit lanes of this writer. keys may be NULL with count 0. With SQLite it is
 * db_begin(). */
int db_begin_keyed(struct db *db, const uint64_t *keys, size_t count) MUST_CHECK;

/* A transaction that only reads, while no other that writes is under way: of rows with a serial
 * number it sees all up to the highest. Without it, a row of another node may appear later below
 * one that was seen. */
int db_begin_reading(struct db *db) MUST_CHECK;

/* A negative return means that the outcome is unknown (it was rolled back as far as that is
 * possible): answer nobody. */
int db_commit(struct db *db) MUST_CHECK;
/* Does nothing outside of a transaction. Forgets no sentence. */
void db_rollback(struct db *db);

/* What was deleted or overwritten leaves the files too, as far as the back end can do that now:
 * SQLite's log keeps old pages until it is written back. */
void db_scrub(struct db *db);

/* Writes everything, as it is at one moment, to a new file that must not exist; others go on
 * meanwhile. -ENOTSUP with a sentence: the back end has its own tools for that. */
int db_copy(struct db *db, const char *path) MUST_CHECK;

/* Seconds since the epoch by the database's clock. */
int db_now(struct db *db, uint64_t *ret) MUST_CHECK;

/* A number that differs from the last one when another process has committed a transaction of
 * db_begin() since. */
int db_changes_of_others(struct db *db, uint64_t *ret) MUST_CHECK;

/* The number of schema files applied; 0 for a new database. */
int db_version(struct db *db, uint64_t *ret) MUST_CHECK;
int db_set_version(struct db *db, uint64_t version) MUST_CHECK;
