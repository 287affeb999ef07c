/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SQLite back end. WAL with synchronous=FULL: a committed row is on the disk. Temporary
 * data stays in memory, so that no file is opened after start (the processes are sandboxed).
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "server/store/store_sqlite.h"

/* Longer than any transaction of ours on a busy disk, short enough that a caller gets its 503
 * before it gives up. */
#define BUSY_MS 3000

/* Whoever calls us has a db of ours, of which base is the first member. */
static struct lite *lite_of(struct db *db)
{
	return (struct lite *)db;
}

int lite_fail(struct lite *db, int code)
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

static void lite_close(struct lite *db)
{
	lite_statements_done(db);
	sqlite3_close(db->handle);
	free(db);
}

DEFINE_CLEANUP(struct lite *, lite_close);

static int lite_script(struct lite *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : lite_fail(db, code);
}

/* SQLite would make the file with the umask's mode. */
static int create_file(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(-errno, "%s can't be made: %s", path, strerror(errno));
	return 0;
}

static int lite_run(struct lite *db, const char *sql)
{
	return lite_query(db, sql, DB_NO_ARGS, NULL, NULL);
}

/* --- transactions ---------------------------------------------------------------------------- */

static int lite_begin(struct lite *db)
{
	return lite_run(db, "BEGIN IMMEDIATE");
}

static void lite_rollback(struct lite *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* A reader may hold it up: then the next checkpoint does it. */
static void backend_scrub(struct db *db)
{
	(void)sqlite3_wal_checkpoint_v2(lite_of(db)->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					NULL);
}

static int take_number(const struct db_row *row, void *userdata)
{
	*(uint64_t *)userdata = lite_number(row, 0);
	return 0;
}

/* --- the back end ---------------------------------------------------------------------------- */

static void backend_close(struct db *db)
{
	lite_close(lite_of(db));
}

static enum process_reach backend_reach(const struct db *db UNUSED)
{
	return PROCESS_REACH_FILES;
}

/* Two writers with one name would collide at the lane's next number; nothing else is needed. */
static int backend_claim(struct db *db UNUSED, const char *writer UNUSED)
{
	return 0;
}

static int backend_script(struct db *db, const char *sql)
{
	return lite_script(lite_of(db), sql);
}

static int backend_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
			 int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	return lite_query(lite_of(db), sql, args, count, each, userdata);
}

static uint64_t backend_changes(struct db *db)
{
	return lite_of(db)->changes;
}

static int backend_begin(struct db *db)
{
	return lite_begin(lite_of(db));
}

/* There is one lock for all. */
static int backend_begin_keyed(struct db *db, const uint64_t *keys UNUSED, size_t count UNUSED)
{
	return lite_begin(lite_of(db));
}

/* Serials are given out in the order of commits. */
static int backend_begin_reading(struct db *db)
{
	return lite_run(lite_of(db), "BEGIN");
}

static int backend_commit(struct db *db)
{
	int r = lite_run(lite_of(db), "COMMIT");

	if (r != 0)
		lite_rollback(lite_of(db));
	return r;
}

static void backend_rollback(struct db *db)
{
	lite_rollback(lite_of(db));
}

static int backend_now(struct db *db, uint64_t *ret)
{
	return backend_query(db, "SELECT CAST(strftime('%s','now') AS INTEGER)", DB_NO_ARGS,
			     take_number, ret);
}

static int backend_changes_of_others(struct db *db, uint64_t *ret)
{
	return backend_query(db, "PRAGMA data_version", DB_NO_ARGS, take_number, ret);
}

static int backend_version(struct db *db, uint64_t *ret)
{
	return backend_query(db, "PRAGMA user_version", DB_NO_ARGS, take_number, ret);
}

static int backend_set_version(struct db *db, uint64_t version)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version=%u", (unsigned)version);
	return backend_script(db, sql);
}

static int backend_copy(struct db *db, const char *path)
{
	return backend_query(db, "VACUUM INTO $1", DB_ARGS(DB_TEXT(path)), NULL, NULL);
}

static const struct db_backend db_sqlite = {
	.close = backend_close,
	.reach = backend_reach,
	.claim = backend_claim,
	.script = backend_script,
	.query = backend_query,
	.changes = backend_changes,
	.number = lite_number,
	.real = lite_real,
	.text = lite_text,
	.blob = lite_blob,
	.begin = backend_begin,
	.begin_keyed = backend_begin_keyed,
	.begin_reading = backend_begin_reading,
	.commit = backend_commit,
	.rollback = backend_rollback,
	.copy = backend_copy,
	.scrub = backend_scrub,
	.now = backend_now,
	.changes_of_others = backend_changes_of_others,
	.version = backend_version,
	.set_version = backend_set_version,
};

int db_sqlite_open(const char *path, bool create, struct db **ret)
{
	CLEANUP(lite_closep) struct lite *db = calloc(1, sizeof(*db));
	int code, r;

	if (!db)
		return fail(-ENOMEM, "out of memory");
	db->base.backend = &db_sqlite;
	r = create ? create_file(path) : 0;
	if (r < 0)
		return r;
	if (access(path, F_OK) != 0)
		return fail(-errno, "the store %s can't be opened: %s", path, strerror(errno));
	code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			       NULL);
	if (code != SQLITE_OK)
		return db->handle ? lite_fail(db, code) : fail(-ENOMEM, "out of memory");
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	r = lite_script(db, "PRAGMA journal_mode=WAL;"
			    "PRAGMA synchronous=FULL;"
			    "PRAGMA secure_delete=ON;"
			    "PRAGMA foreign_keys=ON;"
			    "PRAGMA temp_store=MEMORY;"
			    "PRAGMA cell_size_check=ON;"
			    "PRAGMA trusted_schema=OFF;");
	/* Opens the log and its index now, before the sandbox. */
	if (r == 0)
		r = lite_begin(db);
	if (r < 0)
		return r;
	lite_rollback(db);
	*ret = &TAKE_PTR(db)->base;
	return 0;
}
