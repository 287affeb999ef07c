/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a back end of db.h is made of. For db.c and the back ends only.
 */
#pragma once

#include "server/store/db.h"

/* The functions of db.h, in its order and with its contracts. */
struct db_backend {
	void (*close)(struct db *db);
	enum process_reach (*reach)(const struct db *db);
	int (*claim)(struct db *db, const char *writer);
	int (*script)(struct db *db, const char *sql);
	/* db_run() is this without each. */
	int (*query)(struct db *db, const char *sql, const struct db_value *args, size_t count,
		     int (*each)(const struct db_row *row, void *userdata), void *userdata);
	uint64_t (*changes)(struct db *db);
	uint64_t (*number)(const struct db_row *row, int column);
	double (*real)(const struct db_row *row, int column);
	const char *(*text)(const struct db_row *row, int column);
	const void *(*blob)(const struct db_row *row, int column, size_t *ret_len);
	int (*begin)(struct db *db);
	int (*begin_keyed)(struct db *db, const uint64_t *keys, size_t count);
	int (*begin_reading)(struct db *db);
	int (*commit)(struct db *db);
	void (*rollback)(struct db *db);
	int (*copy)(struct db *db, const char *path); /* NULL: it has tools of its own */
	void (*scrub)(struct db *db);		      /* NULL: nothing that it could do */
	int (*now)(struct db *db, uint64_t *ret);
	int (*changes_of_others)(struct db *db, uint64_t *ret);
	int (*version)(struct db *db, uint64_t *ret);
	int (*set_version)(struct db *db, uint64_t version);
};

/* The first member of a back end's own structs. */
struct db {
	const struct db_backend *backend;
};

struct db_row {
	const struct db_backend *backend;
};

int db_sqlite_open(const char *path, bool create, struct db **ret) MUST_CHECK;
int db_postgres_open(const char *url, bool create, struct db **ret) MUST_CHECK;
