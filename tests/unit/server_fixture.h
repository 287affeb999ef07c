/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's folder for one test: store, KEK, one organization with its owner, and the core's parts
 * opened on it. fixture_sql() changes rows behind the server's back, to move time or to do harm.
 * On SQLite, or on the PostgreSQL database that PANOCRYPT_TEST_STORE names.
 */
#pragma once

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/aead.h"
#include "common/file.h"
#include "server/config.h"
#include "server/core/mint.h"
#include "server/core/parts.h"
#include "tests/unit/server_postgres.h"
#include "tests/unit/unit.h"

struct fixture {
	char dir[64];
	struct server_config config; /* dir, store and node only */
	struct core_parts parts;
	struct store_by by; /* the owner */
	rlim_t room;	    /* of fixture_room() */
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
	struct store *store;

	assert_non_null(fixture);
	if (postgres_url())
		postgres_reset();
	strcpy(fixture->dir, "/tmp/panocrypt-server-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	strcpy(fixture->config.dir, fixture->dir);
	assert_ok(config_set_store(&fixture->config, postgres_url(), postgres_url() ? "n" : NULL));
	strcpy(fixture->config.node, ""); /* one node: its lanes are "core" and "admin" */
	assert_ok(store_create(fixture->config.store, "init", &store));
	assert_ok(epochs_create(&fixture->config, store));
	assert_ok(store_organization_create(store, "example", "alice", fixture->by.organization));
	store_close(store);
	fixture->by.actor = "alice";
	assert_ok(core_parts_open(&fixture->config, &fixture->parts));
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
	sqlite3 *handle;

	if (postgres_url()) {
		postgres_sql(sql);
		return;
	}
	assert_int_equal(sqlite3_open(fixture->config.store, &handle), SQLITE_OK);
	sqlite3_busy_timeout(handle, 5000);
	if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	sqlite3_close(handle);
}

/* The first column of the first row, as a number; -1 when there is none. */
static inline long long fixture_number(const struct fixture *fixture, const char *sql)
{
	long long number = -1;
	sqlite3_stmt *statement;
	sqlite3 *handle;

	if (postgres_url())
		return postgres_sql(sql);
	assert_int_equal(sqlite3_open(fixture->config.store, &handle), SQLITE_OK);
	if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return number;
}

/* Another person of the organization, or another role of one. */
static inline void fixture_member(const struct fixture *fixture, const char *name, const char *role)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO member (organization, name, role, created_s)"
		 " SELECT organization, '%s', '%s', 1 FROM member WHERE name = 'alice'"
		 " ON CONFLICT (organization, name) DO UPDATE SET role = excluded.role",
		 name, role);
	fixture_sql(fixture, sql);
}

/* No more room on the disk of the store, until fixture_room(fixture, true). */
static inline void fixture_room(struct fixture *fixture, bool is_there)
{
	struct rlimit limit;

	if (postgres_url()) {
		postgres_room(is_there);
		return;
	}
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	if (!is_there)
		fixture->room = limit.rlim_cur;
	limit.rlim_cur = is_there ? fixture->room : 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Does the store hold these bytes anywhere: its files, or every value of the database? */
static inline bool fixture_holds(const struct fixture *fixture, const void *bytes, size_t len)
{
	static const char *const ends[] = { "", "-wal" };
	bool holds = false;

	if (postgres_url())
		return postgres_holds(bytes, len);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP_FREE char *data = NULL;
		char path[CONFIG_PATH_SIZE + 8];
		size_t size;

		snprintf(path, sizeof(path), "%s%s", fixture->config.store, ends[i]);
		assert_ok(file_read(path, 64 * MIB, &data, &size));
		holds = holds || memmem(data, size, bytes, len);
	}
	return holds;
}

/* A new enrollment key of the organization. */
static inline struct message_key_minted fixture_key(struct fixture *fixture, const char *allow_from,
						    const char *redeem_from, uint64_t max_uses)
{
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_mint_key request = {
		.max_uses = max_uses, .expires_in_s = 3600, .networks = "[]", .approval = "none"
	};
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
