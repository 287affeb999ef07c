/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fixture's side door to a PostgreSQL database, for server_fixture.h.
 */
#pragma once

#include <libpq-fe.h>

#include "tests/unit/unit.h"

/* The database that tools/run-unit has made for us; NULL: the tests run on SQLite. */
static inline const char *postgres_url(void)
{
	return getenv("PANOCRYPT_TEST_STORE");
}

static inline PGresult *postgres_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(connection));
	return result;
}

static inline PGconn *postgres_connect(void)
{
	PGconn *connection = PQconnectdb(postgres_url());

	if (PQstatus(connection) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(connection));
	PQclear(postgres_run(connection, "SET client_min_messages = 'error'"));
	return connection;
}

/* An empty database, with the functions of SQLite that the tests use. */
static inline void postgres_reset(void)
{
	PGconn *connection = postgres_connect();

	PQclear(postgres_run(
		connection,
		"DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
		"CREATE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE SQL AS"
		" 'SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)';"
		"CREATE FUNCTION zeroblob(n INTEGER) RETURNS BYTEA LANGUAGE SQL AS"
		" 'SELECT decode(repeat(''00'', n), ''hex'')'"));
	PQfinish(connection);
}

/* Every new audit row fails as on a full disk, at its commit; or no more. */
static inline void postgres_room(bool is_there)
{
	PGconn *connection = postgres_connect();

	PQclear(postgres_run(
		connection,
		is_there
			? "DROP TRIGGER no_room ON audit"
			: "CREATE OR REPLACE FUNCTION no_room() RETURNS TRIGGER LANGUAGE plpgsql AS"
			  " 'BEGIN RAISE EXCEPTION ''no room'' USING ERRCODE = ''53100''; END';"
			  "CREATE CONSTRAINT TRIGGER no_room AFTER INSERT ON audit"
			  " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
			  " EXECUTE FUNCTION no_room()"));
	PQfinish(connection);
}

/* x'00ff' into '\x00ff': the only thing that both say differently in the tests. */
static inline void postgres_words(const char *sql, char *ret, size_t size)
{
	size_t len = 0;

	for (; *sql && len + 3 < size; sql++) {
		if (sql[0] == 'x' && sql[1] == '\'' && (len == 0 || ret[len - 1] == ' ')) {
			memcpy(ret + len, "'\\x", 3);
			len += 3;
			sql++;
		} else {
			ret[len++] = *sql;
		}
	}
	ret[len] = '\0';
}

/* As another node would: other nodes notice. The first value; -1 when there is none. */
static inline long long postgres_sql(const char *sql)
{
	PGconn *connection = postgres_connect();
	long long number = -1;
	PGresult *result;
	char text[2000];

	postgres_words(sql, text, sizeof(text));
	result = postgres_run(connection, text);
	if (PQntuples(result) > 0)
		number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	PQclear(postgres_run(connection, "SELECT nextval('panocrypt_changes')"));
	PQfinish(connection);
	return number;
}

static inline bool postgres_table_holds(PGconn *connection, const char *table, const void *bytes,
					size_t len)
{
	bool holds = false;
	char sql[200];
	PGresult *result;

	snprintf(sql, sizeof(sql), "SELECT * FROM %s", table);
	result = PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL, 1);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	for (int row = 0; row < PQntuples(result); row++)
		for (int column = 0; column < PQnfields(result); column++)
			holds |= memmem(PQgetvalue(result, row, column),
					(size_t)PQgetlength(result, row, column), bytes,
					len) != NULL;
	PQclear(result);
	return holds;
}

/* Does any value of any table hold these bytes? */
static inline bool postgres_holds(const void *bytes, size_t len)
{
	PGconn *connection = postgres_connect();
	PGresult *tables = postgres_run(connection, "SELECT tablename FROM pg_tables"
						    " WHERE schemaname = 'public'");
	bool holds = false;

	assert_true(PQntuples(tables) > 5);
	for (int i = 0; i < PQntuples(tables); i++)
		holds |= postgres_table_holds(connection, PQgetvalue(tables, i, 0), bytes, len);
	PQclear(tables);
	PQfinish(connection);
	return holds;
}
