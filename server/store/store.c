/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening the store, its schema's version, transactions, settings. Tables are in store_*.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/schema.h"
#include "server/store/store_internal.h"

const uint8_t store_system[ORGANIZATION_ID_BYTES] = { 0 };

/* Applies the schema files that the database lacks, in one transaction. */
static int bring_up_to_date(struct store *store)
{
	uint64_t version;
	int r;

	r = db_version(store->db, &version);
	if (r < 0)
		return r;
	if (version > schema_count)
		return fail(-EINVAL,
			    "the store was written by a newer panocryptd: install that one "
			    "again, or restore a backup");
	if (version == schema_count)
		return 0;
	r = db_begin(store->db);
	if (r == 0) /* another process may have been quicker */
		r = db_version(store->db, &version);
	for (; r == 0 && version < schema_count; version++)
		r = db_script(store->db, schema_files[version]);
	if (r == 0)
		r = db_set_version(store->db, schema_count);
	return store_end(store, r);
}

static int open_store(const char *path, bool create, const char *writer, struct store **ret)
{
	CLEANUP(store_closep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return fail(-ENOMEM, "out of memory");
	snprintf(store->writer, sizeof(store->writer), "%s", writer);
	r = db_open(path, create, &store->db);
	if (r == 0)
		r = bring_up_to_date(store);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(store);
	return 0;
}

int store_open(const char *path, const char *writer, struct store **ret)
{
	return open_store(path, false, writer, ret);
}

int store_create(const char *path, const char *writer, struct store **ret)
{
	return open_store(path, true, writer, ret);
}

void store_close(struct store *store)
{
	if (store->db)
		db_close(store->db);
	free(store);
}

int store_check(struct store *store)
{
	int r = db_begin(store->db);

	db_rollback(store->db);
	return r;
}

int store_begin(struct store *store)
{
	return db_begin(store->db);
}

int store_commit(struct store *store)
{
	return db_commit(store->db);
}

void store_rollback(struct store *store)
{
	db_rollback(store->db);
}

int store_end(struct store *store, int r)
{
	if (r == 0)
		return db_commit(store->db);
	db_rollback(store->db);
	return r;
}

int store_now(struct store *store, uint64_t *ret)
{
	return db_now(store->db, ret);
}

int store_version(struct store *store, uint64_t *ret)
{
	return db_changes_of_others(store->db, ret);
}

/* Remembers that a row came. */
struct one {
	int (*each)(const struct db_row *row, void *userdata);
	void *userdata;
	bool seen;
};

static int take_one(const struct db_row *row, void *userdata)
{
	struct one *one = userdata;

	one->seen = true;
	return one->each(row, one->userdata);
}

int store_one(struct store *store, const char *sql, const struct db_value *args, size_t count,
	      int (*each)(const struct db_row *row, void *userdata), void *userdata)
{
	struct one one = { each, userdata, false };
	int r = db_query(store->db, sql, args, count, take_one, &one);

	return r == 0 && !one.seen ? STORE_NOT_FOUND : r;
}

int store_take_number(const struct db_row *row, void *userdata)
{
	*(uint64_t *)userdata = db_number(row, 0);
	return 0;
}

struct db_value store_optional_text(const char *text)
{
	return text ? DB_TEXT(text) : DB_NULL;
}

struct setting {
	void *to;
	size_t size, len;
};

static int take_setting(const struct db_row *row, void *userdata)
{
	struct setting *setting = userdata;
	const void *value = db_blob(row, 0, &setting->len);

	if (setting->len > setting->size)
		return fail(-EIO, "the store is damaged: a setting is too long");
	if (setting->len > 0)
		memcpy(setting->to, value, setting->len);
	return 0;
}

int store_setting(struct store *store, const char *name, void *ret, size_t size, size_t *ret_len)
{
	struct setting setting = { ret, size, 0 };
	int r = store_one(store, "SELECT value FROM setting WHERE name = $1",
			  DB_ARGS(DB_TEXT(name)), take_setting, &setting);

	if (r == 0)
		*ret_len = setting.len;
	return r;
}

int store_setting_set(struct store *store, const char *name, const void *value, size_t len)
{
	return db_run(store->db,
		      "INSERT INTO setting (name, value) VALUES ($1, $2)"
		      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		      DB_ARGS(DB_TEXT(name), DB_BLOB(value, len)));
}
