/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices: adding, listing, changing their state. A state is computed from a few columns
 * (docs/server-states.md), never stored, so that enabling returns to what was before.
 */
#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

static struct db_value optional_blob(const uint8_t *bytes, size_t len)
{
	return bytes ? DB_BLOB(bytes, len) : DB_NULL;
}

int store_device_insert(struct store *store, const struct store_new_device *device)
{
	/* A device that isn't converting has nothing to leave: it counts as left when made. */
	uint64_t left_s = device->converting_until_s ? 0 : device->created_s;
	int r;

	r = db_run(store->db,
		   "INSERT INTO device (id, organization, name, tags, allow_from, platform,"
		   " enrollment_key, nonce, fingerprint, report_hash, created_s,"
		   " converting_until_s, left_s)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		   DB_ARGS(DB_BLOB(device->id, DEVICE_ID_BYTES),
			   DB_BLOB(device->organization, ORGANIZATION_ID_BYTES),
			   DB_TEXT(device->name), DB_TEXT(device->tags),
			   DB_TEXT(device->allow_from), DB_TEXT(device->platform),
			   DB_TEXT(device->enrollment_key),
			   optional_blob(device->nonce, NONCE_BYTES),
			   optional_blob(device->fingerprint, FINGERPRINT_BYTES),
			   optional_blob(device->report_hash, 32), DB_NUMBER(device->created_s),
			   DB_NUMBER(device->converting_until_s), DB_NUMBER(left_s)));
	if (r != 0)
		return r;
	return db_run(store->db, "INSERT INTO device_report (device) VALUES ($1)",
		      DB_ARGS(DB_BLOB(device->id, DEVICE_ID_BYTES)));
}

struct walk {
	store_device_each each;
	void *userdata;
	uint64_t now_s;
};

/* When a destroyed device became so for good: all epochs that may have wrapped its keys, up to the
 * one that did when they were removed, are destroyed. 0: not yet. */
#define FINAL                                                                                      \
	"(SELECT CASE WHEN min(e.destroyed_s) > 0 THEN max(e.destroyed_s) ELSE 0 END"              \
	" FROM kek_epoch e WHERE e.serial <= (SELECT max(w.serial) FROM kek_epoch w"               \
	" JOIN device_key o ON o.kek = w.id WHERE o.device = d.id))"
#define OLD_KEYS                                                                                   \
	"(SELECT count(*) FROM device_key o WHERE o.device = d.id"                                 \
	" AND o.generation < d.generation), (SELECT max(o.used_s) FROM device_key o"               \
	" WHERE o.device = d.id AND o.generation < d.generation)"
#define DEVICE_COLUMNS                                                                             \
	"SELECT d.id, d.name, d.tags, d.allow_from, d.registered, d.platform, d.enrollment_key,"   \
	" d.created_s, d.last_seen_s, d.converting_until_s, d.native_seen, d.disabled,"            \
	" d.revoked_s, k.signing_thumbprint, k.exchange_thumbprint, r.phase, r.state, r.percent,"  \
	" r.boot, r.message, r.progress_s, r.waiting, r.done_bytes, r.total_bytes,"                \
	" r.bytes_per_s, r.eta_s, d.destroyed_s, " FINAL ", " OLD_KEYS ", d.networks, d.approval," \
	" d.held, d.environment, d.workload, d.absence_s, d.absence_denies, d.ephemeral,"          \
	" d.left_s, d.reboots, d.reboot_from_s, d.reboot_until_s, d.surprised_s"
#define DEVICE_TABLES                                                                              \
	" FROM device d"                                                                           \
	" JOIN device_key k ON k.device = d.id AND k.generation = d.generation"                    \
	" JOIN device_report r ON r.device = d.id WHERE d.organization = $1"

/* The first that fits. */
static const char *state_name(const struct db_row *row, const struct store_device *device,
			      uint64_t now_s)
{
	bool is_disabled = db_number(row, 11) > 0;
	uint64_t revoked_s = db_number(row, 12), left_s = db_number(row, 38);

	if (device->destroyed_s > 0)
		return "destroyed";
	if (revoked_s > 0)
		return "revoked";
	if (is_disabled)
		return "disabled";
	if (device->held[0])
		return "held";
	if (device->converting_until_s > now_s)
		return "converting";
	return left_s > 0 ? "active" : "abandoned";
}

static int take_device(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_device device = {
		.name = db_text(row, 1),
		.tags = db_text(row, 2),
		.allow_from = db_text(row, 3),
		.registered_addresses = db_text(row, 4),
		.platform = db_text(row, 5),
		.enrollment_key = db_text(row, 6),
		.created_s = db_number(row, 7),
		.last_seen_s = db_number(row, 8),
		.converting_until_s = db_number(row, 9),
		.native_boot_seen = db_number(row, 10) > 0,
		.thumbprint = db_text(row, 13),
		.exchange_thumbprint = db_text(row, 14),
		.phase = db_text(row, 15),
		.phase_state = db_text(row, 16),
		.percent = db_real(row, 17),
		.boot = db_number(row, 18),
		.message = db_text(row, 19),
		.progress_s = db_number(row, 20),
		.waiting = db_text(row, 21),
		.figures = { db_number(row, 22), db_number(row, 23), db_number(row, 24),
			     db_number(row, 25) },
		.destroyed_s = db_number(row, 26),
		.final_s = db_number(row, 27),
		.old_keys = db_number(row, 28),
		.old_key_used_s = db_number(row, 29),
		.networks = db_text(row, 30),
		.approval = db_text(row, 31),
		.held = db_text(row, 32),
		.environment = db_text(row, 33),
		.workload = db_text(row, 34),
		.absence_s = db_number(row, 35),
		.absence_denies = db_number(row, 36) > 0,
		.ephemeral = db_number(row, 37) > 0,
		.reboots = db_text(row, 39),
		.reboot_from_s = db_number(row, 40),
		.reboot_until_s = db_number(row, 41),
		.surprised_s = db_number(row, 42),
		.evidence = db_text(row, 43),
		.now_s = walk->now_s,
	};
	int r;

	device.state = state_name(row, &device, walk->now_s);
	/* As facts.c counts. */
	if (device.absence_s > 0 && db_number(row, 12) == 0)
		device.absent_s = device.absence_s +
				  MAX(MAX(device.last_seen_s, device.created_s),
				      MAX(db_number(row, 38), device.converting_until_s));
	if (device.converting_until_s <= walk->now_s)
		device.converting_until_s = 0;
	if (device.destroyed_s == 0)
		device.final_s = 0;
	r = db_blob_copy(row, 0, device.id, sizeof(device.id));
	return r < 0 ? r : walk->each(&device, walk->userdata);
}

int store_devices(struct store *store, const uint8_t organization[static 16],
		  store_device_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return db_query(
		store->db, DEVICE_COLUMNS ", ''" DEVICE_TABLES " ORDER BY d.serial DESC LIMIT $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(STORE_LIST_MAX)),
		take_device, &walk);
}

int store_device(struct store *store, const uint8_t organization[static 16],
		 const uint8_t id[static DEVICE_ID_BYTES], store_device_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return store_one(
		store, DEVICE_COLUMNS ", r.evidence" DEVICE_TABLES " AND d.id = $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_BLOB(id, DEVICE_ID_BYTES)),
		take_device, &walk);
}

/* What a change needs and does. The condition is in the statement, so nothing can come between. */
struct change_row {
	const char *event;
	const char *sql; /* $1 now, $2 organization, $3 device */
};

static const struct change_row change_rows[] = {
	[DEVICE_DISABLE] = { "device-disabled",
			     "UPDATE device SET disabled = 1 WHERE $1 > 0 AND organization = $2"
			     " AND id = $3 AND revoked_s = 0 AND disabled = 0" },
	[DEVICE_ENABLE] = { "device-enabled",
			    "UPDATE device SET disabled = 0 WHERE $1 > 0 AND organization = $2"
			    " AND id = $3 AND revoked_s = 0 AND disabled = 1" },
	[DEVICE_REVOKE] = { "device-revoked",
			    "UPDATE device SET revoked_s = $1, report_hash = NULL"
			    " WHERE organization = $2 AND id = $3 AND revoked_s = 0" },
	[DEVICE_RELEASE] = { "device-released",
			     "UPDATE device SET held = '' WHERE $1 > 0 AND organization = $2"
			     " AND id = $3 AND revoked_s = 0 AND held <> ''" },
	[DEVICE_DROP_OLD_KEYS] = { "device-old-keys-dropped",
				   "UPDATE device SET generation = generation WHERE $1 > 0"
				   " AND organization = $2 AND id = $3 AND destroyed_s = 0" },
	[DEVICE_DESTROY] = { "device-destroyed",
			     "UPDATE device SET destroyed_s = $1 WHERE organization = $2"
			     " AND id = $3 AND revoked_s > 0 AND destroyed_s = 0" },
};

/* Their wrapped keys may be in backups, as a destroyed device's are. */
static int drop_old_keys(struct store *store, const uint8_t *id)
{
	int r = db_run(store->db,
		       "DELETE FROM device_key WHERE device = $1 AND generation <"
		       " (SELECT generation FROM device WHERE id = $1)",
		       DB_ARGS(DB_BLOB(id, DEVICE_ID_BYTES)));

	return r == 0 && db_changes(store->db) == 0 ? STORE_CONFLICT : r;
}

/* The rows stay, so that the device is still shown and it is known which KEK they were under. */
static int empty_keys(struct store *store, const uint8_t *id)
{
	return db_run(store->db,
		      "UPDATE device_key SET exchange_sealed = $1, signing_sealed = $1"
		      " WHERE device = $2",
		      DB_ARGS(DB_BLOB("", 0), DB_BLOB(id, DEVICE_ID_BYTES)));
}

static int change_device(struct store *store, const struct store_by *by, const uint8_t *id,
			 enum store_device_change what)
{
	const struct change_row *change = &change_rows[what];
	struct db_value organization = DB_BLOB(by->organization, ORGANIZATION_ID_BYTES);
	struct db_value device = DB_BLOB(id, DEVICE_ID_BYTES);
	uint64_t now_s, known = 0;
	int r;

	r = db_query(store->db, "SELECT 1 FROM device WHERE organization = $1 AND id = $2",
		     DB_ARGS(organization, device), store_take_number, &known);
	if (r == 0)
		r = known ? db_now(store->db, &now_s) : STORE_NOT_FOUND;
	if (r == 0)
		r = db_run(store->db, change->sql, DB_ARGS(DB_NUMBER(now_s), organization, device));
	if (r == 0 && db_changes(store->db) == 0)
		return STORE_CONFLICT;
	if (r == 0 && (what == DEVICE_ENABLE || what == DEVICE_RELEASE))
		r = store_guard_device(store, by, id);
	if (r == 0 && what == DEVICE_DESTROY)
		r = empty_keys(store, id);
	if (r == 0 && what == DEVICE_DROP_OLD_KEYS)
		r = drop_old_keys(store, id);
	if (r == 0)
		r = store_approvals_end(store, by, id, change->event);
	return r != 0 ? r : store_audit_action(store, by, change->event, id, "");
}

int store_device_change(struct store *store, const struct store_by *by,
			const uint8_t id[static DEVICE_ID_BYTES], enum store_device_change change)
{
	int r;

	if ((size_t)change >= ARRAY_SIZE(change_rows))
		return fail(-EINVAL, "no such change of a device");
	r = db_begin(store->db);
	if (r < 0)
		return r;
	r = store_end(store, change_device(store, by, id, change));
	if (r == 0 && (change == DEVICE_DESTROY || change == DEVICE_DROP_OLD_KEYS))
		db_scrub(store->db);
	return r;
}

static int expect(struct store *store, const struct store_by *by, const uint8_t *id, uint64_t in_s,
		  uint64_t for_s)
{
	CLEANUP_FREE char *detail = NULL;
	uint64_t now_s, revoked_s = 0;
	int r = store_one(store, "SELECT revoked_s FROM device WHERE organization = $1 AND id = $2",
			  DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				  DB_BLOB(id, DEVICE_ID_BYTES)),
			  store_take_number, &revoked_s);

	if (r == 0)
		r = revoked_s > 0 ? STORE_CONFLICT : db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE device SET reboot_from_s = $1, reboot_until_s = $2"
			   " WHERE id = $3",
			   DB_ARGS(DB_NUMBER(now_s + in_s), DB_NUMBER(now_s + in_s + for_s),
				   DB_BLOB(id, DEVICE_ID_BYTES)));
	if (r == 0)
		r = text_format(&detail, "in %llu s, for %llu s", (unsigned long long)in_s,
				(unsigned long long)for_s);
	return r != 0 ? r : store_audit_action(store, by, "reboot-announced", id, detail);
}

int store_device_expect(struct store *store, const struct store_by *by,
			const uint8_t id[static DEVICE_ID_BYTES], uint64_t in_s, uint64_t for_s)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, expect(store, by, id, in_s, for_s));
}
