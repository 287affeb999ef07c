/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What core reads for a decision and leaves behind after it, and the devices' wrapped keys.
 */
#include <errno.h>
#include <string.h>

#include "server/store/store_internal.h"

static int take_unlock(const struct db_row *row, void *userdata)
{
	struct store_unlock *unlock = userdata;
	int r;

	unlock->disabled = db_number(row, 1) > 0;
	unlock->revoked_s = db_number(row, 2);
	unlock->converting_until_s = db_number(row, 3);
	unlock->left_s = db_number(row, 4);
	unlock->destroyed_s = db_number(row, 7);
	unlock->quarantined = db_number(row, 8) > 0;
	unlock->generation = db_number(row, 9);
	unlock->created_s = db_number(row, 10);
	unlock->last_seen_s = db_number(row, 11);
	unlock->absence_s = db_number(row, 12);
	unlock->absence_denies = db_number(row, 13) > 0;
	unlock->held = db_text(row, 14)[0] != 0;
	unlock->names_networks = strcmp(db_text(row, 15), "[]") != 0;
	unlock->groups = db_number(row, 17);
	unlock->has_authorizer = db_number(row, 18) > 0;
	unlock->announces_reboots = strcmp(db_text(row, 20), "announced") == 0;
	unlock->reboot_from_s = db_number(row, 21);
	unlock->reboot_until_s = db_number(row, 22);
	unlock->surprised_s = db_number(row, 23);
	unlock->needs_rules = db_number(row, 24);
	r = db_blob_copy(row, 0, unlock->organization, sizeof(unlock->organization));
	if (r == 0)
		r = db_text_copy(row, 5, unlock->allow_from, sizeof(unlock->allow_from));
	if (r == 0)
		r = db_text_copy(row, 16, unlock->approval, sizeof(unlock->approval));
	if (r == 0 && unlock->has_authorizer)
		r = db_blob_copy(row, 19, unlock->authorizer, sizeof(unlock->authorizer));
	return r < 0 ? r : db_text_copy(row, 6, unlock->registered, sizeof(unlock->registered));
}

int store_unlock(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		 struct store_unlock *ret)
{
	return store_one(store,
			 "SELECT d.organization, d.disabled, d.revoked_s, d.converting_until_s,"
			 " d.left_s, d.allow_from, d.registered, d.destroyed_s,"
			 " (SELECT count(*) FROM quarantine), d.generation, d.created_s,"
			 " d.last_seen_s, d.absence_s, d.absence_denies, d.held, d.networks,"
			 " d.approval, (SELECT count(*) FROM approval_group_tag t"
			 "  WHERE t.organization = d.organization"
			 "  AND replace(d.tags, '\"' || t.tag || '\"', '') <> d.tags),"
			 " CASE WHEN a.version IS NULL THEN 0 ELSE 1 END, a.version,"
			 " d.reboots, d.reboot_from_s, d.reboot_until_s, d.surprised_s,"
			 " o.needs_rules"
			 " FROM device d JOIN organization o ON o.id = d.organization LEFT JOIN "
			 "authorizer a ON a.organization = d.organization"
			 " WHERE d.id = $1",
			 DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES)), take_unlock, ret);
}

struct networks {
	int (*each)(const char *name, const char *ranges, void *userdata);
	void *userdata;
	uint64_t missing;
};

static int take_network(const struct db_row *row, void *userdata)
{
	struct networks *networks = userdata;

	networks->missing = db_number(row, 1);
	return networks->each(db_text(row, 2), db_text(row, 0), networks->userdata);
}

int store_unlock_networks(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			  int (*each)(const char *name, const char *ranges, void *userdata),
			  void *userdata)
{
	/* The device's list without the quoted names that were found must have no quote left. */
	struct networks networks = { each, userdata, 1 };
	int r;

	r = db_query(store->db,
		     "SELECT n.ranges, length(d.networks) - length(replace(d.networks, '\"', ''))"
		     " - 2 * (SELECT count(*) FROM network_list m"
		     "  WHERE m.organization = d.organization"
		     "  AND replace(d.networks, '\"' || m.name || '\"', '') <> d.networks), n.name"
		     " FROM device d JOIN network_list n ON n.organization = d.organization"
		     " AND replace(d.networks, '\"' || n.name || '\"', '') <> d.networks"
		     " WHERE d.id = $1",
		     DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES)), take_network, &networks);
	return r == 0 && networks.missing ? STORE_NOT_FOUND : r;
}

int store_unlock_seen(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		      uint64_t now_s, const char *registered, bool is_native)
{
	int r;

	r = db_run(store->db,
		   "UPDATE device SET last_seen_s = $1, native_seen = native_seen | $2"
		   " WHERE id = $3",
		   DB_ARGS(DB_NUMBER(now_s), DB_NUMBER(is_native ? 1 : 0),
			   DB_BLOB(device, DEVICE_ID_BYTES)));
	if (r != 0 || !registered)
		return r;
	return db_run(store->db, "UPDATE device SET registered = $1 WHERE id = $2",
		      DB_ARGS(DB_TEXT(registered), DB_BLOB(device, DEVICE_ID_BYTES)));
}

int store_unlock_surprised(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   uint64_t now_s)
{
	return db_run(store->db, "UPDATE device SET surprised_s = $1 WHERE id = $2",
		      DB_ARGS(DB_NUMBER(now_s), DB_BLOB(device, DEVICE_ID_BYTES)));
}

static int take_sealed(const struct db_row *row, int column, uint8_t ret[static SEALED_MAX_BYTES],
		       size_t *ret_len)
{
	size_t len;
	const void *sealed = db_blob(row, column, &len);

	if (len == 0 || len > SEALED_MAX_BYTES)
		return fail(-EIO, "the store is damaged: a wrapped key has %zu bytes", len);
	memcpy(ret, sealed, len);
	*ret_len = len;
	return 0;
}

int store_take_key(const struct db_row *row, int column, struct store_key *key)
{
	int r;

	key->generation = db_number(row, column + 1);
	r = db_blob_copy(row, column, key->organization, sizeof(key->organization));
	if (r == 0)
		r = db_text_copy(row, column + 2, key->exchange_thumbprint,
				 sizeof(key->exchange_thumbprint));
	if (r == 0)
		r = db_text_copy(row, column + 3, key->signing_thumbprint,
				 sizeof(key->signing_thumbprint));
	if (r == 0)
		r = db_text_copy(row, column + 4, key->kek, sizeof(key->kek));
	if (r == 0)
		r = take_sealed(row, column + 5, key->exchange_sealed, &key->exchange_len);
	return r < 0 ? r : take_sealed(row, column + 6, key->signing_sealed, &key->signing_len);
}

static int take_store_key(const struct db_row *row, void *userdata)
{
	return store_take_key(row, 0, userdata);
}

/* A destroyed key is an empty one, and isn't found. */
#define KEY_QUERY                                                                                  \
	"SELECT " STORE_KEY_COLUMNS " FROM device_key k JOIN device d ON d.id = k.device"          \
	" WHERE k.device = $1 AND length(k.exchange_sealed) > 0"

int store_key(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
	      const char *exchange_thumbprint, struct store_key *ret)
{
	if (!exchange_thumbprint)
		return store_one(store, KEY_QUERY " AND k.generation = d.generation",
				 DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES)), take_store_key, ret);
	return store_one(store, KEY_QUERY " AND k.exchange_thumbprint = $2",
			 DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_TEXT(exchange_thumbprint)),
			 take_store_key, ret);
}

int store_key_by_signer(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			const char *signing_thumbprint, struct store_key *ret)
{
	return store_one(store, KEY_QUERY " AND k.signing_thumbprint = $2",
			 DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_TEXT(signing_thumbprint)),
			 take_store_key, ret);
}

int store_generation_set(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			 uint64_t generation)
{
	return db_run(store->db, "UPDATE device SET generation = $1 WHERE id = $2",
		      DB_ARGS(DB_NUMBER(generation), DB_BLOB(device, DEVICE_ID_BYTES)));
}

int store_key_used(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		   uint64_t generation, uint64_t now_s)
{
	return db_run(
		store->db,
		"UPDATE device_key SET used_s = $1 WHERE device = $2 AND generation = $3",
		DB_ARGS(DB_NUMBER(now_s), DB_BLOB(device, DEVICE_ID_BYTES), DB_NUMBER(generation)));
}

int store_key_insert(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		     const struct store_key *key, uint64_t now_s)
{
	return db_run(store->db,
		      "INSERT INTO device_key (device, generation, exchange_thumbprint,"
		      " signing_thumbprint, kek, exchange_sealed, signing_sealed, created_s)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		      DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_NUMBER(key->generation),
			      DB_TEXT(key->exchange_thumbprint), DB_TEXT(key->signing_thumbprint),
			      DB_TEXT(key->kek), DB_BLOB(key->exchange_sealed, key->exchange_len),
			      DB_BLOB(key->signing_sealed, key->signing_len), DB_NUMBER(now_s)));
}
