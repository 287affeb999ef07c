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

/* Times the limit of db_begin(), which is 3 s. */
#define PATIENCE 100

const uint8_t store_system[ORGANIZATION_ID_BYTES] = { 0 };

/* Another process may be applying a file, which takes as long as the table is large. */
static int begin_patiently(struct store *store)
{
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < PATIENCE; i++)
		r = db_begin(store->db);
	return r;
}

/* Applies one schema file, unless another process was quicker. Each is one transaction. */
static int apply_next(struct store *store, uint64_t *version)
{
	int r = begin_patiently(store);

	if (r == 0)
		r = db_version(store->db, version);
	if (r == 0 && *version < schema_count) {
		r = db_script(store->db, schema_files[*version]);
		if (r == 0)
			r = db_set_version(store->db, ++*version);
	}
	return store_end(store, r);
}

/* Applies the schema files that the database lacks. */
static int bring_up_to_date(struct store *store)
{
	uint64_t version;
	int r;

	r = db_version(store->db, &version);
	while (r == 0 && version < schema_count)
		r = apply_next(store, &version);
	if (r == 0 && version > schema_count)
		return fail(-EINVAL,
			    "the store was written by a newer panocryptd: install that one "
			    "again, or restore a backup");
	return r;
}

static int open_store(const char *place, bool create, const char *writer, struct store **ret)
{
	CLEANUP(store_closep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return fail(-ENOMEM, "out of memory");
	snprintf(store->writer, sizeof(store->writer), "%s", writer);
	r = db_open(place, create, &store->db);
	if (r == 0)
		r = db_claim(store->db, writer);
	if (r == 0)
		r = bring_up_to_date(store);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(store);
	return 0;
}

int store_open(const char *place, const char *writer, struct store **ret)
{
	return open_store(place, false, writer, ret);
}

int store_create(const char *place, const char *writer, struct store **ret)
{
	return open_store(place, true, writer, ret);
}

enum process_reach store_reach(const struct store *store)
{
	return db_reach(store->db);
}

void store_close(struct store *store)
{
	if (store->db)
		db_close(store->db);
	free(store);
}

int store_check(struct store *store)
{
	int r = db_begin_keyed(store->db, NULL, 0);

	db_rollback(store->db);
	return r;
}

int store_begin(struct store *store)
{
	return db_begin(store->db);
}

int store_begin_devices(struct store *store, const uint8_t (*devices)[DEVICE_ID_BYTES],
			size_t count)
{
	CLEANUP_FREE uint64_t *keys = calloc(count + 1, sizeof(*keys));

	if (!keys)
		return fail(-ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		memcpy(&keys[i], devices[i], sizeof(keys[i])); /* random bits, any part will do */
	return db_begin_keyed(store->db, keys, count);
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
