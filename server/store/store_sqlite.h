/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the files of the SQLite back end, the only doors to that library: store_sqlite.c (the
 * database, transactions) and store_sqlite_statement.c (statements and their rows).
 */
#pragma once

#include "server/store/db_backend.h"

#define LITE_STATEMENTS_MAX 256

struct sqlite3;
struct sqlite3_stmt;

struct lite_statement {
	const char *sql;
	struct sqlite3_stmt *handle;
};

struct lite {
	struct db base;
	struct sqlite3 *handle;
	struct lite_statement statements[LITE_STATEMENTS_MAX];
	size_t count;
	uint64_t changes;
};

/* --- store_sqlite.c -------------------------------------------------------------------------- */

/* The sentence for a result code. */
int lite_fail(struct lite *db, int code);

/* --- store_sqlite_statement.c ---------------------------------------------------------------- */

/* db_query(), and db_run() without each. */
int lite_query(struct lite *db, const char *sql, const struct db_value *args, size_t count,
	       int (*each)(const struct db_row *row, void *userdata), void *userdata) MUST_CHECK;

/* Before the database is closed. */
void lite_statements_done(struct lite *db);

/* Of the row that each() has. */
uint64_t lite_number(const struct db_row *row, int column);
double lite_real(const struct db_row *row, int column);
const char *lite_text(const struct db_row *row, int column);
const void *lite_blob(const struct db_row *row, int column, size_t *ret_len);
