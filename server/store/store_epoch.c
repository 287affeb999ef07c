/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Epochs of the KEK, and the wrapped keys under them. Wrapping itself is core's.
 */
#include <errno.h>
#include <string.h>

#include "server/store/store_internal.h"

struct walk {
	store_epoch_each each;
	void *userdata;
};

static int take_sealed(const struct db_row *row, int column, uint8_t ret[static SEALED_MAX_BYTES],
		       size_t *ret_len)
{
	const void *sealed = db_blob(row, column, ret_len);

	if (*ret_len == 0 || *ret_len > SEALED_MAX_BYTES)
		return fail(-EIO, "the store is damaged: an epoch of the KEK doesn't fit");
	memcpy(ret, sealed, *ret_len);
	return 0;
}

static int take_epoch(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_epoch epoch = {
		.serial = db_number(row, 0),
		.created_s = db_number(row, 4),
		.retired_s = db_number(row, 5),
		.destroyed_s = db_number(row, 6),
		.copied_s = db_number(row, 7),
		.copy_opened_s = db_number(row, 8),
		.rewrapped_s = db_number(row, 9),
	};
	int r;

	r = db_text_copy(row, 1, epoch.id, sizeof(epoch.id));
	if (r == 0)
		r = take_sealed(row, 2, epoch.check_sealed, &epoch.check_len);
	if (r == 0)
		r = take_sealed(row, 3, epoch.enrollment_sealed, &epoch.enrollment_len);
	return r < 0 ? r : walk->each(&epoch, walk->userdata);
}

#define EPOCH_COLUMNS                                                                              \
	"SELECT serial, id, check_sealed, enrollment_sealed, created_s, retired_s, destroyed_s,"   \
	" copied_s, copy_opened_s, rewrapped_s FROM kek_epoch "

int store_epochs(struct store *store, store_epoch_each each, void *userdata)
{
	struct walk walk = { each, userdata };

	return db_query(store->db, EPOCH_COLUMNS "ORDER BY serial", DB_NO_ARGS, take_epoch, &walk);
}

static int copy_epoch(const struct store_epoch *epoch, void *userdata)
{
	*(struct store_epoch *)userdata = *epoch;
	return 0;
}

int store_epoch_present(struct store *store, struct store_epoch *ret)
{
	struct walk walk = { copy_epoch, ret };

	return store_one(store, EPOCH_COLUMNS "WHERE retired_s = 0", DB_NO_ARGS, take_epoch, &walk);
}

int store_epoch_insert(struct store *store, const struct store_epoch *epoch)
{
	uint64_t last = 0;
	int r;

	r = db_query(store->db, "SELECT max(serial) FROM kek_epoch", DB_NO_ARGS, store_take_number,
		     &last);
	if (r == 0)
		r = db_run(store->db, "UPDATE kek_epoch SET retired_s = $1 WHERE retired_s = 0",
			   DB_ARGS(DB_NUMBER(epoch->created_s)));
	if (r != 0)
		return r;
	return db_run(store->db,
		      "INSERT INTO kek_epoch (serial, id, check_sealed, enrollment_sealed,"
		      " created_s) VALUES ($1, $2, $3, $4, $5)",
		      DB_ARGS(DB_NUMBER(last + 1), DB_TEXT(epoch->id),
			      DB_BLOB(epoch->check_sealed, epoch->check_len),
			      DB_BLOB(epoch->enrollment_sealed, epoch->enrollment_len),
			      DB_NUMBER(epoch->created_s)));
}

/* What may be noted of an epoch, once or again. */
static const char *const notes[] = {
	[EPOCH_REWRAPPED] = "UPDATE kek_epoch SET rewrapped_s = $1 WHERE id = $2",
	[EPOCH_DESTROYED] = "UPDATE kek_epoch SET destroyed_s = $1 WHERE id = $2"
			    " AND retired_s > 0",
	[EPOCH_COPIED] = "UPDATE kek_epoch SET copied_s = $1, copy_opened_s = 0 WHERE id = $2",
	[EPOCH_COPY_OPENED] = "UPDATE kek_epoch SET copy_opened_s = $1 WHERE id = $2",
};

int store_epoch_note(struct store *store, const char *id, enum store_epoch_note note)
{
	uint64_t now_s;
	int r = db_now(store->db, &now_s);

	if (r == 0)
		r = db_run(store->db, notes[note], DB_ARGS(DB_NUMBER(now_s), DB_TEXT(id)));
	return r == 0 && db_changes(store->db) == 0 ? STORE_NOT_FOUND : r;
}

/* --- wrapped keys ---------------------------------------------------------------------------- */

struct key_walk {
	store_wrapped_each each;
	void *userdata;
};

static int take_wrapped(const struct db_row *row, void *userdata)
{
	const struct key_walk *walk = userdata;
	struct store_wrapped wrapped;
	int r;

	r = db_blob_copy(row, 0, wrapped.device, sizeof(wrapped.device));
	if (r == 0)
		r = store_take_key(row, 1, &wrapped.key);
	return r < 0 ? r : walk->each(&wrapped, walk->userdata);
}

int store_wrapped_elsewhere(struct store *store, const char *id, const struct store_wrapped *after,
			    size_t limit, store_wrapped_each each, void *userdata)
{
	struct key_walk walk = { each, userdata };

	return db_query(
		store->db,
		"SELECT k.device, " STORE_KEY_COLUMNS " FROM device_key k"
		" JOIN device d ON d.id = k.device"
		" WHERE (k.device, k.generation) > ($1, $2) AND k.kek <> $3"
		" AND length(k.exchange_sealed) > 0 ORDER BY k.device, k.generation LIMIT $4",
		DB_ARGS(DB_BLOB(after->device, after->key.generation ? DEVICE_ID_BYTES : 0),
			DB_NUMBER(after->key.generation), DB_TEXT(id), DB_NUMBER(limit)),
		take_wrapped, &walk);
}

int store_rewrap(struct store *store, const struct store_wrapped *wrapped)
{
	const struct store_key *key = &wrapped->key;

	/* One that was destroyed meanwhile stays so. */
	return db_run(store->db,
		      "UPDATE device_key SET kek = $1, exchange_sealed = $2, signing_sealed = $3"
		      " WHERE device = $4 AND generation = $5 AND length(exchange_sealed) > 0",
		      DB_ARGS(DB_TEXT(key->kek), DB_BLOB(key->exchange_sealed, key->exchange_len),
			      DB_BLOB(key->signing_sealed, key->signing_len),
			      DB_BLOB(wrapped->device, DEVICE_ID_BYTES),
			      DB_NUMBER(key->generation)));
}
