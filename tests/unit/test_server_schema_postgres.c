/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The schema of a PostgreSQL database: databases of others are left alone, those of every older
 * version are brought up to date, rows and all, once, however many nodes start.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include "server/store/schema.h"

#include <sys/wait.h>
#include <time.h>

#include "server/store/postgres_words.h"
#include "tests/unit/server_fixture.h"

static void refuses_other_databases(void **state)
{
	struct store *store = NULL;
	PGconn *connection;

	(void)state;
	assert_int_equal(store_create(postgres_url(), "init", &store), -EEXIST);
	assert_said("holds a store already");
	postgres_sql("UPDATE panocrypt_version SET version = 99");
	assert_int_equal(store_open(postgres_url(), "other", &store), -EINVAL);
	assert_said("newer panocryptd");
	postgres_reset();
	assert_int_equal(store_open(postgres_url(), "core", &store), -ENOENT);
	assert_said("panocryptd init");
	connection = postgres_connect();
	PQclear(postgres_run(connection, "CREATE TABLE somebody_elses (a INTEGER)"));
	PQfinish(connection);
	assert_int_equal(store_create(postgres_url(), "init", &store), -EEXIST);
	assert_said("isn't empty");
	assert_null(store);
}

/* A database as the program of that version left it, with a device that was disabled; 0: empty. */
static void make_old(size_t version)
{
	PGconn *connection;
	char set[64];

	postgres_reset();
	connection = postgres_connect();
	PQclear(postgres_run(connection, "CREATE TABLE panocrypt_version (version BIGINT);"
					 "INSERT INTO panocrypt_version VALUES (0);"
					 "CREATE SEQUENCE panocrypt_changes"));
	for (size_t i = 0; i < version; i++) {
		CLEANUP_FREE char *ours = NULL;

		assert_ok(postgres_schema(schema_files[i], &ours));
		PQclear(postgres_run(connection, ours));
	}
	snprintf(set, sizeof(set), "UPDATE panocrypt_version SET version = %zu", version);
	PQclear(postgres_run(connection, set));
	if (version)
		PQclear(postgres_run(
			connection,
			"INSERT INTO organization (id, name, created_s)"
			" VALUES (decode(repeat('00', 16), 'hex'), 'old', 1);"
			"INSERT INTO device (id, organization, name, tags, allow_from, created_s,"
			" disabled) VALUES (decode(repeat('00', 16), 'hex'),"
			" decode(repeat('00', 16), 'hex'), 'web', '[]', '[]', 1, 1)"));
	PQfinish(connection);
}

/* A number for the columns of all tables, with types, defaults and whether they may be NULL. */
#define COLUMNS                                                                                    \
	"SELECT ('x' || substr(md5(string_agg(concat_ws(' ', table_name, column_name, data_type,"  \
	" is_nullable, column_default), ',' ORDER BY table_name, column_name)), 1, 15))"           \
	"::bit(60)::bigint FROM information_schema.columns WHERE table_schema = current_schema()"

/* The first program of a version brings the schema up to date, rows and all; a second one finds it
 * done. */
static void brings_old_schemas_up_to_date(void **state)
{
	struct store *store = NULL;
	long long fresh = 0;

	(void)state;
	for (size_t version = 0; version < schema_count; version++) {
		make_old(version);
		for (int i = 0; i < 2; i++) {
			assert_ok(store_open(postgres_url(), "other", &store));
			store_close(store);
			assert_int_equal(postgres_sql("SELECT version FROM panocrypt_version"),
					 schema_count);
		}
		if (!version)
			fresh = postgres_sql(COLUMNS);
		assert_true(fresh != 0);
		assert_int_equal(postgres_sql(COLUMNS), fresh);
		assert_int_equal(postgres_sql("SELECT count(*) FROM device WHERE name = 'web'"
					      " AND disabled = 1"),
				 version ? 1 : 0);
	}
}

/* Nodes that start at once wait for one another: each file is applied once. */
static void brings_up_to_date_once(void **state)
{
	pid_t children[6];

	(void)state;
	make_old(0);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			struct store *store;
			char writer[16];

			snprintf(writer, sizeof(writer), "node%zu", i);
			_exit(store_open(postgres_url(), writer, &store) == 0 ? 0 : 1);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(postgres_sql("SELECT version FROM panocrypt_version"), schema_count);
}

/* Also for longer than a request would wait. */
static void waits_for_a_long_update(void **state)
{
	struct store *store;
	PGconn *connection;
	time_t start;
	pid_t child;
	int status;

	(void)state;
	make_old(0);
	connection = postgres_connect();
	PQclear(postgres_run(connection, "BEGIN; SELECT pg_advisory_xact_lock(5787236413518766081);"
					 "CREATE TABLE made_meanwhile (a INTEGER)"));
	start = time(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(store_open(postgres_url(), "waiting", &store) == 0 ? 0 : 1);
	/* What an update of a large table would do for so long. */
	PQclear(postgres_run(connection, "SELECT pg_sleep(5); COMMIT"));
	PQfinish(connection);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(time(NULL) - start >= 4);
	assert_int_equal(postgres_sql("SELECT version FROM panocrypt_version"), schema_count);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(refuses_other_databases),
		WITH_FIXTURE(brings_old_schemas_up_to_date),
		WITH_FIXTURE(brings_up_to_date_once),
		WITH_FIXTURE(waits_for_a_long_update),
	};

	if (!postgres_url()) {
		puts("1..0 # SKIP PANOCRYPT_TEST_STORE names no database: run tools/run-unit");
		return 77;
	}
	return cmocka_run_group_tests_name("server_schema_postgres", tests, NULL, NULL);
}
