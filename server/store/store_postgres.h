/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the PostgreSQL back end share; they are the only door to libpq.
 *
 * Every wait has an end: a database that stands still costs PG_STATEMENT_MS, then its connection is
 * given up, and calls fail at once until PG_PAUSE_MS have passed and a new one is tried.
 */
#pragma once

#include <libpq-fe.h>

#include "common/cleanup.h"
#include "server/store/db_backend.h"

#define PG_ADDRESSES_MAX 8
#define PG_STATEMENTS_MAX 256
#define PG_CONNECT_MS 3000
/* With several addresses: for one, and for as many as are tried in one go. */
#define PG_CONNECT_ONE_MS 1500
#define PG_CONNECT_ALL_MS 4500
#define PG_STATEMENT_MS 5000
#define PG_PAUSE_MS 1000
/* A schema file may rewrite much. */
#define PG_SCRIPT_MS 600000

/* Advisory locks. One number: transactions. Two numbers: a class and what it names. */
#define PG_LOCK_STORE "5787236413518766081"
#define PG_LOCK_INIT "5787236413518766082"
#define PG_CLASS_KEY "1886481007"
#define PG_CLASS_WRITER "1886481008"

/* Where a connection may go; as texts for libpq, NULL when it shall choose. */
struct pg_address {
	char *host, *address, *port;
};

struct pg_statement {
	const char *sql;
	bool counts; /* postgres_statement() */
};

struct pg {
	struct db base;
	PGconn *connection;	/* NULL: there is none now */
	char **names, **values; /* of the URL, ours added; NULL at the end */
	struct pg_address addresses[PG_ADDRESSES_MAX];
	size_t address_count, address; /* the one to try first */
	enum process_reach reach;
	uint64_t pause_until_ms;
	char writer[64];				   /* "" before db_claim() */
	struct pg_statement statements[PG_STATEMENTS_MAX]; /* prepared on this connection */
	size_t statement_count;
	uint64_t changes;
	bool in_transaction;	 /* begun, also when the connection is lost since */
	uint64_t now_s, version; /* of the transaction */
};

static inline struct pg *pg_of(struct db *db)
{
	return (struct pg *)db;
}

/* --- store_postgres.c ------------------------------------------------------------------------ */

int pg_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
	     int (*each)(const struct db_row *row, void *userdata), void *userdata) MUST_CHECK;

/* For pg_query(): userdata is a uint64_t *. */
int pg_take_number(const struct db_row *row, void *userdata);

/* --- store_postgres_transaction.c ------------------------------------------------------------ */

int pg_begin(struct db *db) MUST_CHECK;
int pg_begin_keyed(struct db *db, const uint64_t *keys, size_t count) MUST_CHECK;
int pg_begin_reading(struct db *db) MUST_CHECK;
int pg_commit(struct db *db) MUST_CHECK;
void pg_rollback(struct db *db);
int pg_now(struct db *db, uint64_t *ret) MUST_CHECK;
int pg_changes_of_others(struct db *db, uint64_t *ret) MUST_CHECK;

/* --- store_postgres_schema.c ----------------------------------------------------------------- */

/* Makes what version 0 needs: -EEXIST unless the database is empty. */
int pg_create(struct pg *pg) MUST_CHECK;
/* -ENOENT: there is no store. */
int pg_find(struct pg *pg) MUST_CHECK;
int pg_script(struct db *db, const char *sql) MUST_CHECK;
int pg_version(struct db *db, uint64_t *ret) MUST_CHECK;
int pg_set_version(struct db *db, uint64_t number) MUST_CHECK;

/* --- store_postgres_place.c ------------------------------------------------------------------ */

/* Fills names, values, addresses and reach from the URL. */
int pg_read_place(struct pg *pg, const char *url) MUST_CHECK;
void pg_forget_place(struct pg *pg);

/* --- store_postgres_connect.c ---------------------------------------------------------------- */

/* Reads the URL, finds the addresses, connects. */
int pg_open(const char *url, struct pg **ret) MUST_CHECK;
void pg_close(struct pg *pg);
DEFINE_CLEANUP(struct pg *, pg_close);

/* There is a connection that isn't known to be dead; makes one unless a transaction is under way.
 * -EBUSY with a sentence. */
int pg_ready(struct pg *pg) MUST_CHECK;

/* Gives the connection up, says nothing. */
void pg_drop(struct pg *pg);

/* Takes the writer's lock on this connection. */
int pg_claim(struct pg *pg) MUST_CHECK;

/* --- store_postgres_wait.c ------------------------------------------------------------------- */

uint64_t pg_now_ms(void);

/* Waits for the answer to what was sent: the first failure in it, else its last part. NULL: the
 * connection is lost, or was given up because the time is over. */
PGresult *pg_answer(struct pg *pg, uint64_t limit_ms) MUST_CHECK;

/* Turns an answer into 0, DB_CONFLICT, or a negative errno with a sentence. */
int pg_judge(const PGresult *result) MUST_CHECK;

/* Some statements without parameters; *ret, which may be NULL, is the last one's result. */
int pg_simple(struct pg *pg, const char *sql, uint64_t limit_ms, PGresult **ret) MUST_CHECK;

static inline void pg_clear(PGresult **result)
{
	PQclear(*result);
}

#define CLEANUP_RESULT CLEANUP(pg_clear)
