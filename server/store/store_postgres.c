/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PostgreSQL back end. Statements are prepared once a connection; numbers, texts and bytes
 * travel in their binary form.
 *
 * Transactions. db_begin() takes an advisory lock for itself alone, db_begin_keyed() the same lock
 * in common and then one for each key, in order; both hold them to the end. So a transaction of
 * db_begin() is alone on all nodes, as with SQLite, and the frequent ones of the core run side by
 * side. READ COMMITTED is enough: whatever a transaction reads can't change while it holds these.
 *
 * db_changes_of_others() is a sequence that db_begin() advances once it holds the lock. Sequences
 * don't wait for commits: who sees the old number after its own locked transaction knows that no
 * transaction of db_begin() has begun since, hence none has committed.
 */
#include "server/store/store_postgres.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/postgres_words.h"

#define ARGS_MAX 32
#define CLAIM_TRIES 50
#define CLAIM_PAUSE_MS 100

/* Type numbers that PostgreSQL never changes: src/include/catalog/pg_type.dat. */
enum {
	OID_ANY = 0,
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_FLOAT8 = 701
};

struct pg_row {
	struct db_row base;
	const PGresult *result;
	int at;
};

static const struct db_backend backend;

/* --- parameters ------------------------------------------------------------------------------ */

struct binding {
	Oid types[ARGS_MAX];
	const char *values[ARGS_MAX];
	int lengths[ARGS_MAX];
	int formats[ARGS_MAX];
	uint64_t numbers[ARGS_MAX]; /* in network order */
};

static void bind_bytes(struct binding *to, size_t at, Oid type, const void *bytes, size_t len)
{
	to->types[at] = type;
	to->values[at] = bytes ? bytes : "";
	to->lengths[at] = (int)len;
}

static void bind_one(struct binding *to, size_t at, const struct db_value *value)
{
	uint64_t *number = &to->numbers[at];

	to->formats[at] = 1;
	switch (value->type) {
	case DB_TYPE_NUMBER:
		*number = htobe64(value->number);
		bind_bytes(to, at, OID_INT8, number, sizeof(*number));
		return;
	case DB_TYPE_REAL:
		memcpy(number, &value->real, sizeof(*number));
		*number = htobe64(*number);
		bind_bytes(to, at, OID_FLOAT8, number, sizeof(*number));
		return;
	case DB_TYPE_TEXT:
		bind_bytes(to, at, OID_TEXT, value->bytes, value->bytes ? strlen(value->bytes) : 0);
		return;
	case DB_TYPE_BLOB: bind_bytes(to, at, OID_BYTEA, value->bytes, value->len); return;
	case DB_TYPE_NULL: break;
	}
	to->types[at] = OID_ANY;
	to->values[at] = NULL;
}

/* --- statements ------------------------------------------------------------------------------ */

static int prepare_new(struct pg *pg, const char *sql, const struct binding *binding, size_t count)
{
	CLEANUP_RESULT PGresult *result = NULL;
	CLEANUP_FREE char *text = NULL;
	struct pg_statement *statement = &pg->statements[pg->statement_count];
	char name[24];
	int r;

	if (pg->statement_count == PG_STATEMENTS_MAX)
		return fail(-EINVAL, "too many kinds of statements: raise PG_STATEMENTS_MAX");
	statement->sql = sql;
	r = postgres_statement(sql, &text, &statement->counts);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "s%zu", pg->statement_count);
	if (PQsendPrepare(pg->connection, name, text, (int)count, binding->types))
		result = pg_answer(pg, PG_STATEMENT_MS);
	else
		pg_drop(pg);
	r = pg_judge(result);
	if (r < 0)
		return r;
	pg->statement_count++;
	return 0;
}

/* Its number on this connection. */
static int prepare(struct pg *pg, const char *sql, const struct binding *binding, size_t count,
		   size_t *ret)
{
	int r = 0;

	for (*ret = 0; *ret < pg->statement_count; ++*ret)
		if (pg->statements[*ret].sql == sql)
			return 0;
	r = prepare_new(pg, sql, binding, count);
	return r < 0 ? fail_at(r, "%.60s …", sql) : 0;
}

/* A type that row_number() and the others don't read would be a wrong value in silence. */
static int check_columns(const char *sql, const PGresult *result)
{
	for (int column = 0; column < PQnfields(result); column++) {
		switch (PQftype(result, column)) {
		case OID_BOOL:
		case OID_BYTEA:
		case OID_INT8:
		case OID_INT4:
		case OID_TEXT:
		case OID_FLOAT8: break;
		default: return fail(-EINVAL, "column %d of \"%.60s …\" needs a CAST", column, sql);
		}
	}
	return 0;
}

static int walk(const PGresult *result, int (*each)(const struct db_row *row, void *userdata),
		void *userdata)
{
	struct pg_row row = { { &backend }, result, 0 };
	int r = 0;

	for (; r == 0 && row.at < PQntuples(result); row.at++)
		r = each(&row.base, userdata);
	return r;
}

int pg_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
	     int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	CLEANUP_RESULT PGresult *result = NULL;
	struct pg *pg = pg_of(db);
	struct binding binding;
	unsigned long long changes;
	size_t statement = 0;
	char name[24];
	int r;

	if (count > ARGS_MAX)
		return fail(-EINVAL, "a statement with %zu parameters", count);
	for (size_t i = 0; i < count; i++)
		bind_one(&binding, i, &args[i]);
	r = pg_ready(pg);
	if (r == 0)
		r = prepare(pg, sql, &binding, count, &statement);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "s%zu", statement);
	if (PQsendQueryPrepared(pg->connection, name, (int)count, binding.values, binding.lengths,
				binding.formats, 1))
		result = pg_answer(pg, PG_STATEMENT_MS);
	else
		pg_drop(pg);
	r = pg_judge(result);
	if (r == 0 && PQresultStatus(result) == PGRES_TUPLES_OK)
		r = check_columns(sql, result);
	if (r != 0)
		return r;
	changes = strtoull(PQcmdTuples(result), NULL, 10);
	if (pg->statements[statement].counts && changes == 0)
		return DB_CONFLICT;
	if (each)
		return walk(result, each, userdata);
	pg->changes = changes;
	return 0;
}

static uint64_t changes(struct db *db)
{
	return pg_of(db)->changes;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The value in network order, widened; false for NULL. */
static bool read_value(const struct pg_row *row, int column, uint64_t *ret)
{
	const char *value = PQgetvalue(row->result, row->at, column);
	uint32_t small;

	if (PQgetisnull(row->result, row->at, column))
		return false;
	if (PQftype(row->result, column) == OID_BOOL) {
		*ret = (uint64_t)*value;
		return true;
	}
	if (PQgetlength(row->result, row->at, column) == (int)sizeof(small)) {
		memcpy(&small, value, sizeof(small));
		*ret = (uint64_t)(int64_t)(int32_t)be32toh(small);
		return true;
	}
	if (PQgetlength(row->result, row->at, column) != (int)sizeof(*ret))
		return false;
	memcpy(ret, value, sizeof(*ret));
	*ret = be64toh(*ret);
	return true;
}

static double row_real(const struct db_row *any, int column)
{
	const struct pg_row *row = (const struct pg_row *)any;
	uint64_t value;
	double real;

	if (!read_value(row, column, &value))
		return 0;
	if (PQftype(row->result, column) != OID_FLOAT8)
		return (double)(int64_t)value;
	memcpy(&real, &value, sizeof(real));
	return real;
}

static uint64_t row_number(const struct db_row *any, int column)
{
	const struct pg_row *row = (const struct pg_row *)any;
	uint64_t value;

	if (PQftype(row->result, column) == OID_FLOAT8) {
		double real = row_real(any, column);

		return real > 0 ? (uint64_t)real : 0;
	}
	return !read_value(row, column, &value) || (int64_t)value < 0 ? 0 : value;
}

/* libpq puts a zero byte behind every value. */
static const char *row_text(const struct db_row *any, int column)
{
	const struct pg_row *row = (const struct pg_row *)any;

	return PQgetvalue(row->result, row->at, column);
}

static const void *row_blob(const struct db_row *any, int column, size_t *ret_len)
{
	const struct pg_row *row = (const struct pg_row *)any;

	*ret_len = (size_t)PQgetlength(row->result, row->at, column);
	return PQgetvalue(row->result, row->at, column);
}

int pg_take_number(const struct db_row *row, void *userdata)
{
	*(uint64_t *)userdata = row_number(row, 0);
	return 0;
}

/* --- the back end ---------------------------------------------------------------------------- */

static void close_db(struct db *db)
{
	pg_close(pg_of(db));
}

static enum process_reach reach(const struct db *db)
{
	return ((const struct pg *)db)->reach;
}

static int claim(struct db *db, const char *writer)
{
	struct pg *pg = pg_of(db);
	int r;

	if (strlen(writer) >= sizeof(pg->writer))
		return fail(-EINVAL, "the writer's name \"%s\" is too long", writer);
	strcpy(pg->writer, writer); /* length checked above */
	/* Who had the name may be ending: a process that was killed, its server's end still busy.
	 */
	for (int i = 0;; i++) {
		r = pg_ready(pg);
		if (r == 0)
			r = pg_claim(pg);
		if (r != -EBUSY || i == CLAIM_TRIES)
			return r;
		poll(NULL, 0, CLAIM_PAUSE_MS);
	}
}

static const struct db_backend backend = {
	.close = close_db,
	.reach = reach,
	.claim = claim,
	.script = pg_script,
	.query = pg_query,
	.changes = changes,
	.number = row_number,
	.real = row_real,
	.text = row_text,
	.blob = row_blob,
	.begin = pg_begin,
	.begin_keyed = pg_begin_keyed,
	.begin_reading = pg_begin_reading,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.now = pg_now,
	.changes_of_others = pg_changes_of_others,
	.version = pg_version,
	.set_version = pg_set_version,
};

int db_postgres_open(const char *url, bool is_new, struct db **ret)
{
	CLEANUP(pg_closep) struct pg *pg = NULL;
	int r;

	r = pg_open(url, &pg);
	if (r < 0)
		return r;
	pg->base.backend = &backend;
	r = is_new ? pg_create(pg) : pg_find(pg);
	if (r != 0)
		return r < 0 ? r : fail(-EIO, "the database contradicts itself");
	*ret = &TAKE_PTR(pg)->base;
	return 0;
}
