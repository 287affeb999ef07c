/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment keys: making, listing, revoking, using. Secrets are here only as keyed hashes that
 * core has computed. A used key stays used whatever happens to its devices.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store/store_internal.h"

int store_enrollment_key_insert(struct store *store, const struct store_new_key *key)
{
	int r = store_networks_exist(store, key->organization, key->networks);

	if (r != 0)
		return r;
	return db_run(
		store->db,
		"INSERT INTO enrollment_key (id, organization, secret_hash, description, tags,"
		" allow_from, redeem_from, created_by, max_uses, created_s, expires_s, networks,"
		" approval, hold, absence_s, ephemeral, environment, workload, rate_per_hour,"
		" live_max)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
		" $17, $18, $19, $20)",
		DB_ARGS(DB_TEXT(key->id), DB_BLOB(key->organization, ORGANIZATION_ID_BYTES),
			DB_BLOB(key->secret_hash, SECRET_HASH_BYTES), DB_TEXT(key->description),
			DB_TEXT(key->tags), DB_TEXT(key->allow_from), DB_TEXT(key->redeem_from),
			DB_TEXT(key->created_by), DB_NUMBER(key->max_uses),
			DB_NUMBER(key->created_s), DB_NUMBER(key->expires_s),
			DB_TEXT(key->networks), DB_TEXT(key->approval),
			DB_NUMBER(key->hold ? 1 : 0), DB_NUMBER(key->absence_s),
			DB_NUMBER(key->ephemeral ? 1 : 0), DB_TEXT(key->environment),
			DB_TEXT(key->workload), DB_NUMBER(key->rate_per_hour),
			DB_NUMBER(key->live_max)));
}

struct walk {
	store_enrollment_key_each each;
	void *userdata;
	uint64_t now_s;
};

#define KEY_COLUMNS                                                                                \
	"SELECT id, description, tags, allow_from, redeem_from, created_by, max_uses, uses,"       \
	" created_s, expires_s, revoked_s, compromised_s, networks, approval,"                     \
	" hold, absence_s, ephemeral, environment, workload, rate_per_hour, live_max"              \
	" FROM enrollment_key WHERE organization = $1"

static int take_key(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_enrollment_key key = {
		.id = db_text(row, 0),
		.description = db_text(row, 1),
		.tags = db_text(row, 2),
		.allow_from = db_text(row, 3),
		.redeem_from = db_text(row, 4),
		.created_by = db_text(row, 5),
		.max_uses = db_number(row, 6),
		.uses = db_number(row, 7),
		.created_s = db_number(row, 8),
		.expires_s = db_number(row, 9),
		.revoked_s = db_number(row, 10),
		.compromised_s = db_number(row, 11),
		.networks = db_text(row, 12),
		.approval = db_text(row, 13),
		.hold = db_number(row, 14) > 0,
		.absence_s = db_number(row, 15),
		.ephemeral = db_number(row, 16) > 0,
		.environment = db_text(row, 17),
		.workload = db_text(row, 18),
		.rate_per_hour = db_number(row, 19),
		.live_max = db_number(row, 20),
	};

	key.expired = key.expires_s <= walk->now_s;
	return walk->each(&key, walk->userdata);
}

int store_enrollment_keys(struct store *store, const uint8_t organization[static 16],
			  store_enrollment_key_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return db_query(
		store->db, KEY_COLUMNS " ORDER BY serial DESC LIMIT $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(STORE_LIST_MAX)),
		take_key, &walk);
}

int store_enrollment_key(struct store *store, const uint8_t organization[static 16], const char *id,
			 store_enrollment_key_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return store_one(store, KEY_COLUMNS " AND id = $2",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_TEXT(id)),
			 take_key, &walk);
}

static int revoke_key(struct store *store, const struct store_by *by, const char *id)
{
	uint64_t now_s, revoked_s = 0;
	int r;

	r = store_one(store,
		      "SELECT revoked_s FROM enrollment_key WHERE organization = $1 AND id = $2",
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(id)),
		      store_take_number, &revoked_s);
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r != 0 || revoked_s > 0)
		return r;
	r = db_run(store->db,
		   "UPDATE enrollment_key SET revoked_s = $1 WHERE organization = $2 AND id = $3",
		   DB_ARGS(DB_NUMBER(now_s), DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
			   DB_TEXT(id)));
	return r != 0 ? r : store_audit_action(store, by, "enrollment-key-revoked", NULL, id);
}

int store_enrollment_key_revoke(struct store *store, const struct store_by *by, const char *id)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, revoke_key(store, by, id));
}

/* The devices of the key that are to be held: neither revoked, nor held for this already. */
#define ITS_DEVICES                                                                                \
	" WHERE organization = $1 AND enrollment_key = $2 AND created_s >= $3 AND revoked_s = 0"   \
	" AND held <> 'compromised'"

/* Whoever waits for people would wait in vain. */
static int hold_devices(struct store *store, const struct store_by *by, const char *id,
			uint64_t since_s, uint64_t now_s)
{
	int r = db_run(store->db,
		       "UPDATE approval SET state = 'ended', decided_s = $4,"
		       " detail = 'the enrollment key was compromised'"
		       " WHERE state = 'pending' AND kind = 'unlock'"
		       " AND device IN (SELECT id FROM device" ITS_DEVICES ")",
		       DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(id),
			       DB_NUMBER(since_s), DB_NUMBER(now_s)));

	if (r != 0)
		return r;
	return db_run(store->db, "UPDATE device SET held = 'compromised'" ITS_DEVICES,
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(id),
			      DB_NUMBER(since_s)));
}

static int compromise_key(struct store *store, const struct store_by *by, const char *id,
			  uint64_t since_s, uint64_t *ret_held)
{
	char detail[96];
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE enrollment_key SET compromised_s = $1,"
			   " revoked_s = CASE WHEN revoked_s > 0 THEN revoked_s ELSE $1 END"
			   " WHERE organization = $2 AND id = $3",
			   DB_ARGS(DB_NUMBER(now_s),
				   DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(id)));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	if (r == 0)
		r = hold_devices(store, by, id, since_s, now_s);
	if (r != 0)
		return r;
	*ret_held = db_changes(store->db);
	snprintf(detail, sizeof(detail), "%s: %llu devices held, made since %llu", id,
		 (unsigned long long)*ret_held, (unsigned long long)since_s);
	return store_audit_action(store, by, "enrollment-key-compromised", NULL, detail);
}

int store_enrollment_key_compromise(struct store *store, const struct store_by *by, const char *id,
				    uint64_t since_s, uint64_t *ret_held)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, compromise_key(store, by, id, since_s, ret_held));
}

/* --- redeeming ------------------------------------------------------------------------------- */

static int take_redeem(const struct db_row *row, void *userdata)
{
	struct store_redeem *key = userdata;
	int r;

	key->max_uses = db_number(row, 3);
	key->uses = db_number(row, 4);
	key->expires_s = db_number(row, 5);
	key->revoked_s = db_number(row, 6);
	key->rate_per_hour = db_number(row, 10);
	key->live_max = db_number(row, 11);
	r = db_blob_copy(row, 0, key->organization, sizeof(key->organization));
	if (r == 0)
		r = db_text_copy(row, 1, key->organization_name, sizeof(key->organization_name));
	if (r == 0)
		r = db_blob_copy(row, 2, key->secret_hash, sizeof(key->secret_hash));
	if (r == 0)
		r = db_text_copy(row, 7, key->tags, sizeof(key->tags));
	if (r == 0)
		r = db_text_copy(row, 8, key->allow_from, sizeof(key->allow_from));
	return r < 0 ? r : db_text_copy(row, 9, key->redeem_from, sizeof(key->redeem_from));
}

int store_redeem_key(struct store *store, const char *id, struct store_redeem *ret)
{
	return store_one(store,
			 "SELECT k.organization, o.name, k.secret_hash, k.max_uses, k.uses,"
			 " k.expires_s, k.revoked_s, k.tags, k.allow_from, k.redeem_from,"
			 " k.rate_per_hour, k.live_max"
			 " FROM enrollment_key k JOIN organization o ON o.id = k.organization"
			 " WHERE k.id = $1",
			 DB_ARGS(DB_TEXT(id)), take_redeem, ret);
}

int store_redeem_defaults(struct store *store, const char *id,
			  const uint8_t device[static DEVICE_ID_BYTES])
{
	int r = db_run(store->db,
		       "UPDATE device SET networks = k.networks, approval = k.approval,"
		       " held = CASE WHEN k.hold = 1 THEN 'new' ELSE '' END,"
		       " absence_s = k.absence_s, ephemeral = k.ephemeral,"
		       " environment = k.environment, workload = k.workload"
		       " FROM enrollment_key k WHERE device.id = $1 AND k.id = $2",
		       DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_TEXT(id)));

	return r == 0 && db_changes(store->db) != 1 ? STORE_NOT_FOUND : r;
}

static int take_redeemed(const struct db_row *row, void *userdata)
{
	struct store_redeemed *redeemed = userdata;

	redeemed->lately = db_number(row, 0);
	redeemed->live = db_number(row, 1);
	return 0;
}

int store_redeem_count(struct store *store, const char *id, const struct store_redeem *key,
		       uint64_t now_s, struct store_redeemed *ret)
{
	*ret = (struct store_redeemed){ .live = 0 };
	if (!key->rate_per_hour && !key->live_max)
		return 0;
	return db_query(store->db,
			"SELECT (SELECT count(*) FROM device WHERE organization = $1"
			"  AND enrollment_key = $2 AND created_s > $3),"
			" (SELECT count(*) FROM device WHERE organization = $1"
			"  AND enrollment_key = $2 AND revoked_s = 0)",
			DB_ARGS(DB_BLOB(key->organization, ORGANIZATION_ID_BYTES), DB_TEXT(id),
				DB_NUMBER(now_s - MIN(now_s, 3600))),
			take_redeemed, ret);
}

int store_redeem_use(struct store *store, const char *id)
{
	int r = db_run(
		store->db,
		"UPDATE enrollment_key SET uses = uses + 1 WHERE id = $1 AND uses < max_uses",
		DB_ARGS(DB_TEXT(id)));

	return r == 0 && db_changes(store->db) != 1 ? STORE_CONFLICT : r;
}

static int take_enrolled(const struct db_row *row, void *userdata)
{
	struct store_enrolled *enrolled = userdata;
	int r;

	enrolled->created_s = db_number(row, 4);
	enrolled->revoked_s = db_number(row, 5);
	enrolled->converting_until_s = db_number(row, 6);
	r = db_blob_copy(row, 0, enrolled->device, sizeof(enrolled->device));
	if (r == 0)
		r = db_blob_copy(row, 1, enrolled->organization, sizeof(enrolled->organization));
	if (r == 0)
		r = db_text_copy(row, 2, enrolled->enrollment_key,
				 sizeof(enrolled->enrollment_key));
	if (r == 0)
		r = db_blob_copy(row, 3, enrolled->fingerprint, sizeof(enrolled->fingerprint));
	return r < 0 ? r : db_text_copy(row, 7, enrolled->tags, sizeof(enrolled->tags));
}

int store_enrolled(struct store *store, const uint8_t nonce[static NONCE_BYTES],
		   struct store_enrolled *ret)
{
	return store_one(store,
			 "SELECT id, organization, enrollment_key, fingerprint, created_s,"
			 " revoked_s, converting_until_s, tags FROM device WHERE nonce = $1",
			 DB_ARGS(DB_BLOB(nonce, NONCE_BYTES)), take_enrolled, ret);
}

int store_report_token_set(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   const uint8_t hash[static 32])
{
	return db_run(store->db, "UPDATE device SET report_hash = $1 WHERE id = $2",
		      DB_ARGS(DB_BLOB(hash, 32), DB_BLOB(device, DEVICE_ID_BYTES)));
}
