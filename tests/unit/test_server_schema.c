/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite stores of every older version are brought up to date when they are opened, rows and all.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include "server/store/schema.h"

#include <sqlite3.h>

#include "server/store/store.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/panocrypt-schema-XXXXXX";

static void run(const char *path, const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	sqlite3_close(handle);
}

static long long number(const char *path, const char *sql)
{
	long long ret = -1;
	sqlite3_stmt *statement;
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	if (sqlite3_step(statement) == SQLITE_ROW)
		ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return ret;
}

/* A store as the program of that version left it, with a device that was disabled. */
static void make_old(const char *path, size_t version)
{
	char set[64];

	for (size_t i = 0; i < version; i++)
		run(path, schema_files[i]);
	snprintf(set, sizeof(set), "PRAGMA user_version = %zu", version);
	run(path, set);
	if (version)
		run(path, "INSERT INTO organization (id, name, created_s)"
			  " VALUES (zeroblob(16), 'old', 1);"
			  "INSERT INTO device (id, organization, name, tags, allow_from,"
			  " created_s, disabled) VALUES (zeroblob(16), zeroblob(16), 'web', '[]',"
			  " '[]', 1, 1)");
}

static void assert_same_schema(const char *path, const char *fresh)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
		 "ATTACH '%s' AS fresh;"
		 "CREATE TEMP TABLE differs AS SELECT * FROM"
		 " (SELECT name, sql FROM main.sqlite_master EXCEPT"
		 " SELECT name, sql FROM fresh.sqlite_master) UNION ALL SELECT * FROM"
		 " (SELECT name, sql FROM fresh.sqlite_master EXCEPT"
		 " SELECT name, sql FROM main.sqlite_master);"
		 "CREATE TEMP TABLE zero (n CHECK (n = 0));"
		 "INSERT INTO zero SELECT count(*) FROM differs",
		 fresh);
	run(path, sql);
}

static void brings_any_version_up_to_date(void **state)
{
	char fresh[64], path[64];
	struct store *store = NULL;

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s/fresh.db", folder);
	assert_ok(store_create(fresh, "init", &store));
	store_close(store);
	for (size_t version = 0; version < schema_count; version++) {
		snprintf(path, sizeof(path), "%s/old-%zu.db", folder, version);
		make_old(path, version);
		for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
			assert_ok(store_open(path, "core", &store));
			store_close(store);
			assert_int_equal(number(path, "PRAGMA user_version"), schema_count);
		}
		assert_same_schema(path, fresh);
		assert_int_equal(number(path, "SELECT count(*) FROM device"
					      " WHERE name = 'web' AND disabled = 1"),
				 version ? 1 : 0);
		assert_int_equal(number(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	}
}

static int make_folder(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state UNUSED)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_any_version_up_to_date),
	};

	return cmocka_run_group_tests_name("server_schema", tests, make_folder, remove_folder);
}
