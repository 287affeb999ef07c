/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PostgreSQL database holds before there are tables: whether there is a store, its version,
 * the running number of db_changes_of_others(); and applying schema files.
 */
#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/postgres_words.h"
#include "server/store/store_postgres.h"

int pg_script(struct db *db, const char *sql)
{
	CLEANUP_STRBUF struct strbuf all = STRBUF_EMPTY;
	CLEANUP_FREE char *ours = NULL;
	struct pg *pg = pg_of(db);
	int r;

	r = postgres_schema(sql, &ours);
	if (r == 0)
		r = pg_ready(pg);
	if (r < 0)
		return r;
	strbuf_add(&all, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; ");
	strbuf_add(&all, ours);
	if (all.failed)
		return fail(-ENOMEM, "out of memory");
	r = pg_simple(pg, all.text, PG_SCRIPT_MS, NULL);
	return r <= 0 ? r : fail(-EIO, "a schema file breaks a uniqueness rule");
}

int pg_version(struct db *db, uint64_t *ret)
{
	return pg_query(db, "SELECT version FROM panocrypt_version", DB_NO_ARGS, pg_take_number,
			ret);
}

int pg_set_version(struct db *db, uint64_t number)
{
	return pg_query(db, "UPDATE panocrypt_version SET version = $1", DB_ARGS(DB_NUMBER(number)),
			NULL, NULL);
}

/* What there is in the database: our store, something else, nothing. */
static int look(struct pg *pg, bool *ret_ours, bool *ret_other)
{
	CLEANUP_RESULT PGresult *result = NULL;
	int r = pg_simple(pg,
			  "SELECT to_regclass('panocrypt_version') IS NOT NULL, count(*) > 0"
			  " FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
			  " AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
			  PG_STATEMENT_MS, &result);

	if (r != 0)
		return r;
	*ret_ours = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	*ret_other = strcmp(PQgetvalue(result, 0, 1), "t") == 0;
	return 0;
}

/* Only one at a time; the lock is the connection's. */
static int lock_creation(struct pg *pg)
{
	CLEANUP_RESULT PGresult *result = NULL;
	int r = pg_simple(pg, "SELECT pg_try_advisory_lock(" PG_LOCK_INIT ")", PG_STATEMENT_MS,
			  &result);

	if (r == 0 && strcmp(PQgetvalue(result, 0, 0), "t") != 0)
		return fail(-EBUSY, "another init is making a store in this database");
	return r;
}

int pg_create(struct pg *pg)
{
	bool is_ours, is_other;
	int r = lock_creation(pg);

	if (r == 0)
		r = look(pg, &is_ours, &is_other);
	if (r != 0)
		return r;
	if (is_ours)
		return fail(-EEXIST, "the database holds a store already: add a node to it with "
				     "init --join; or, if an init was cut and no host knows it "
				     "yet, drop the database and create it again");
	if (is_other)
		return fail(-EEXIST, "the database isn't empty: create one for this store alone");
	return pg_simple(pg,
			 "BEGIN; CREATE TABLE panocrypt_version (version BIGINT NOT NULL);"
			 "INSERT INTO panocrypt_version VALUES (0);"
			 "CREATE SEQUENCE panocrypt_changes; COMMIT",
			 PG_STATEMENT_MS, NULL);
}

int pg_find(struct pg *pg)
{
	bool is_ours, is_other;
	int r = look(pg, &is_ours, &is_other);

	if (r == 0 && !is_ours)
		return fail(-ENOENT, "the database holds no store: make it with panocryptd init");
	return r;
}
