/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions on PostgreSQL. Advisory locks give each kind its company: db_begin() is alone on all
 * nodes, keyed ones share the store and exclude each other by key. The clock and the number of
 * changes come with the beginning, so that a decision costs no round trip for them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_postgres.h"

#define CLOCK "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)"
#define BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
#define VERSION "(SELECT last_value FROM panocrypt_changes)"

void pg_rollback(struct db *db)
{
	struct pg *pg = pg_of(db);
	CLEANUP_RESULT PGresult *result = NULL;

	pg->in_transaction = false;
	if (!pg->connection || PQtransactionStatus(pg->connection) == PQTRANS_IDLE)
		return;
	if (PQsendQuery(pg->connection, "ROLLBACK"))
		result = pg_answer(pg, PG_STATEMENT_MS);
	if (!result || PQresultStatus(result) != PGRES_COMMAND_OK)
		pg_drop(pg); /* then the server does it */
}

/* Runs sql, which begins and whose last part is the clock and the number of changes. */
static int begin_by(struct pg *pg, const char *sql)
{
	CLEANUP_RESULT PGresult *result = NULL;
	int r = pg_ready(pg);

	if (r == 0 && pg->in_transaction)
		r = fail(-EINVAL, "a transaction inside a transaction");
	if (r < 0)
		return r;
	pg->in_transaction = true;
	r = pg_simple(pg, sql, PG_STATEMENT_MS, &result);
	if (r == 0) {
		pg->now_s = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
		pg->version = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
		return 0;
	}
	pg_rollback(&pg->base);
	return r < 0 ? r : fail(-EIO, "the database contradicts itself");
}

int pg_begin(struct db *db)
{
	return begin_by(pg_of(db), BEGIN "SELECT pg_advisory_xact_lock(" PG_LOCK_STORE "); "
					 "SELECT " CLOCK ", nextval('panocrypt_changes')");
}

static int compare_keys(const void *a, const void *b)
{
	const int32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* In order, so that two transactions never wait for each other. */
static int add_keys(struct strbuf *sql, const uint64_t *keys, size_t count)
{
	CLEANUP_FREE int32_t *sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		return fail(-ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		sorted[i] = (int32_t)(keys[i] ^ keys[i] >> 32);
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || sorted[i] != sorted[i - 1])
			strbuf_addf(sql, "SELECT pg_advisory_xact_lock(" PG_CLASS_KEY ", %d); ",
				    sorted[i]);
	return 0;
}

int pg_begin_keyed(struct db *db, const uint64_t *keys, size_t count)
{
	CLEANUP_STRBUF struct strbuf sql = STRBUF_EMPTY;
	int r;

	strbuf_add(&sql, BEGIN "SELECT pg_advisory_xact_lock_shared(" PG_LOCK_STORE "); ");
	r = add_keys(&sql, keys, count);
	if (r < 0)
		return r;
	strbuf_add(&sql, "SELECT " CLOCK ", " VERSION);
	if (sql.failed)
		return fail(-ENOMEM, "out of memory");
	return begin_by(pg_of(db), sql.text);
}

int pg_begin_reading(struct db *db)
{
	return begin_by(pg_of(db), BEGIN "SELECT pg_advisory_xact_lock(" PG_LOCK_STORE "); "
					 "SELECT " CLOCK ", " VERSION);
}

int pg_commit(struct db *db)
{
	CLEANUP_RESULT PGresult *result = NULL;
	struct pg *pg = pg_of(db);
	int r = pg_ready(pg);

	if (r == 0)
		r = pg_simple(pg, "COMMIT", PG_STATEMENT_MS, &result);
	/* A transaction in which a statement has failed is rolled back by COMMIT, without an error.
	 */
	if (r == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
		r = fail(-EIO, "the database has undone the transaction: a statement in it had "
			       "failed");
	pg->in_transaction = false;
	if (r != 0)
		pg_rollback(db);
	return r <= 0 ? r : fail(-EIO, "the database refuses at the end what it took before");
}

/* Inside a transaction: its beginning. */
int pg_now(struct db *db, uint64_t *ret)
{
	struct pg *pg = pg_of(db);

	if (!pg->in_transaction)
		return pg_query(db, "SELECT " CLOCK, DB_NO_ARGS, pg_take_number, ret);
	*ret = pg->now_s;
	return 0;
}

int pg_changes_of_others(struct db *db, uint64_t *ret)
{
	struct pg *pg = pg_of(db);

	if (!pg->in_transaction)
		return pg_query(db, "SELECT " VERSION, DB_NO_ARGS, pg_take_number, ret);
	*ret = pg->version;
	return 0;
}
