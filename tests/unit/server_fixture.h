/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's folder for one test: store, KEK, one organization with its owner, and the core's parts
 * opened on it. fixture_sql() changes rows behind the server's back, to move time or to do harm.
 */
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>

#include "common/aead.h"
#include "server/config.h"
#include "server/core/mint.h"
#include "server/core/parts.h"
#include "tests/unit/unit.h"

struct fixture {
	char dir[64];
	struct core_parts parts;
	struct store_by by; /* the owner */
};

#define FIXTURE_FROM "192.0.2.7"

static inline void fixture_path(const struct fixture *fixture, enum config_file file,
				char ret[static CONFIG_PATH_SIZE])
{
	config_path(fixture->dir, file, ret);
}

static inline struct source_address fixture_source(const char *text)
{
	struct source_address source;

	assert_ok(source_parse(text, &source));
	return source;
}

static inline int fixture_set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char store_path[CONFIG_PATH_SIZE], kek_path[CONFIG_PATH_SIZE];
	struct store *store;

	assert_non_null(fixture);
	strcpy(fixture->dir, "/tmp/panocrypt-server-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	fixture_path(fixture, CONFIG_FILE_STORE, store_path);
	fixture_path(fixture, CONFIG_FILE_KEK, kek_path);
	assert_ok(store_create(store_path, "init", &store));
	assert_ok(keys_create(kek_path, store));
	assert_ok(store_organization_create(store, "example", "alice", fixture->by.organization));
	store_close(store);
	fixture->by.actor = "alice";
	assert_ok(core_parts_open(fixture->dir, &fixture->parts));
	*state = fixture;
	return 0;
}

static inline int fixture_tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];
	int r;

	core_parts_close(&fixture->parts);
	snprintf(command, sizeof(command), "rm -r %s", fixture->dir);
	r = system(command);
	free(fixture);
	return r;
}

static inline void fixture_sql(const struct fixture *fixture, const char *sql)
{
	char path[CONFIG_PATH_SIZE];
	sqlite3 *handle;

	fixture_path(fixture, CONFIG_FILE_STORE, path);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	sqlite3_busy_timeout(handle, 5000);
	if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	sqlite3_close(handle);
}

/* The first column of the first row, as a number; -1 when there is none. */
static inline long long fixture_number(const struct fixture *fixture, const char *sql)
{
	char path[CONFIG_PATH_SIZE];
	long long number = -1;
	sqlite3_stmt *statement;
	sqlite3 *handle;

	fixture_path(fixture, CONFIG_FILE_STORE, path);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return number;
}

/* A new enrollment key of the organization. */
static inline struct message_key_minted fixture_key(struct fixture *fixture, const char *allow_from,
						    const char *redeem_from, uint64_t max_uses)
{
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_mint_key request = { .max_uses = max_uses, .expires_in_s = 3600 };
	struct message_key_minted ret = { .status = 0 };

	memcpy(request.organization, fixture->by.organization, sizeof(request.organization));
	strcpy(request.actor, "alice");
	strcpy(request.tags, "[\"env=test\"]");
	strcpy(request.allow_from, allow_from);
	strcpy(request.redeem_from, redeem_from);
	assert_ok(mint_key(&fixture->parts, &request, &source, &ret));
	assert_int_equal(ret.status, 201);
	return ret;
}

/* A device made by an admin; active, from the given addresses. */
static inline struct message_redeemed fixture_device(struct fixture *fixture,
						     const char *allow_from)
{
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_redeemed ret = { .status = 0 };
	struct message_mint request = { .name = "" };

	memcpy(request.organization, fixture->by.organization, sizeof(request.organization));
	strcpy(request.actor, "alice");
	strcpy(request.name, "web1");
	strcpy(request.tags, "[]");
	strcpy(request.allow_from, allow_from);
	assert_ok(mint_device(&fixture->parts, &request, &source, &ret));
	assert_int_equal(ret.status, 201);
	return ret;
}
