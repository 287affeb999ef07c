/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waivers: giving, listing, cancelling, spending. A row is never deleted: it shows what was
 * allowed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/strbuf.h"
#include "server/store/store_internal.h"

static bool is_sensible(const struct store_new_waiver *waiver)
{
	return waiver->waives && !(waiver->waives & ~WAIVES_ALL) && waiver->boots &&
	       waiver->replies_per_boot && waiver->window_s && waiver->expires_in_s;
}

static int count_live(struct store *store, const uint8_t *device, uint64_t now_s, uint64_t *ret)
{
	return db_query(store->db,
			"SELECT count(*) FROM waiver WHERE device = $1 AND expires_s > $2"
			" AND cancelled_s = 0",
			DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_NUMBER(now_s)),
			store_take_number, ret);
}

int store_waiver_insert(struct store *store, const struct store_waiver_row *row, uint64_t now_s)
{
	const struct store_new_waiver *new = row->new;
	char source[CIDR_TEXT_SIZE] = "";
	uint64_t live = 0;
	int r;

	if (!is_sensible(new))
		return fail(-EINVAL, "a waiver that allows nothing");
	if (new->source)
		source_print(new->source, source);
	r = count_live(store, row->device, now_s, &live);
	if (r != 0 || live >= STORE_WAIVERS_MAX)
		return r != 0 ? r : STORE_CONFLICT;
	return db_run(store->db,
		      "INSERT INTO waiver (id, organization, device, kind, waives, source, boots,"
		      " boots_left, replies_per_boot, window_s, comment, created_by, created_s,"
		      " expires_s, proposed)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13, $14)",
		      DB_ARGS(DB_BLOB(row->id, WAIVER_ID_BYTES),
			      DB_BLOB(row->by->organization, ORGANIZATION_ID_BYTES),
			      DB_BLOB(row->device, DEVICE_ID_BYTES), DB_TEXT(row->kind),
			      DB_NUMBER(new->waives), DB_TEXT(source), DB_NUMBER(new->boots),
			      DB_NUMBER(new->replies_per_boot), DB_NUMBER(new->window_s),
			      DB_TEXT(new->comment), DB_TEXT(row->by->actor), DB_NUMBER(now_s),
			      DB_NUMBER(now_s + new->expires_in_s),
			      DB_NUMBER(row->is_proposed ? 1 : 0)));
}

/* Words for the audit: what exactly was allowed. */
static int describe(const struct store_waiver_row *row, char **ret)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_EMPTY;
	const struct store_new_waiver *new = row->new;
	char id[2 * WAIVER_ID_BYTES + 1], source[CIDR_TEXT_SIZE];

	text_hex(id, row->id, WAIVER_ID_BYTES);
	strbuf_addf(&text, "waiver %s: %llu boots of %llu replies within %llu s, waives", id,
		    (unsigned long long)new->boots, (unsigned long long)new->replies_per_boot,
		    (unsigned long long)new->window_s);
	for (unsigned bit = 1; bit <= WAIVES_ALL; bit <<= 1)
		if (new->waives & bit)
			strbuf_addf(&text, " %s", waived_name(bit));
	if (new->source) {
		source_print(new->source, source);
		strbuf_addf(&text, ", from %s", source);
	}
	if (row->is_proposed)
		strbuf_add(&text, "; waits for a quorum");
	return strbuf_take(&text, ret);
}

/* Where two must approve an unlock, one alone must not allow it. */
static int allow_once(struct store *store, struct store_waiver_row *row)
{
	CLEANUP_FREE char *detail = NULL;
	uint64_t revoked_s = 0, quorum = 0, now_s = 0;
	int r;

	r = store_one(store, "SELECT revoked_s FROM device WHERE organization = $1 AND id = $2",
		      DB_ARGS(DB_BLOB(row->by->organization, ORGANIZATION_ID_BYTES),
			      DB_BLOB(row->device, DEVICE_ID_BYTES)),
		      store_take_number, &revoked_s);
	if (r == 0)
		r = revoked_s > 0 ? STORE_CONFLICT : db_now(store->db, &now_s);
	if (r == 0)
		r = store_quorum(store, row->by->organization, row->device, &quorum);
	row->is_proposed = quorum > 1;
	if (r == 0)
		r = store_waiver_insert(store, row, now_s);
	if (r == 0 && row->is_proposed)
		r = store_approval_propose(store, row, now_s);
	if (r == 0)
		r = describe(row, &detail);
	return r != 0 ? r : store_audit_action(store, row->by, "allow-once", row->device, detail);
}

int store_allow_once(struct store *store, const struct store_by *by,
		     const uint8_t device[static DEVICE_ID_BYTES],
		     const struct store_new_waiver *waiver, uint8_t ret_id[static WAIVER_ID_BYTES])
{
	struct store_waiver_row row = {
		.by = by, .device = device, .kind = "allow-once", .new = waiver
	};
	int r;

	r = random_bytes(row.id, sizeof(row.id));
	if (r == 0)
		r = db_begin(store->db);
	if (r < 0)
		return r;
	r = store_end(store, allow_once(store, &row));
	if (r == 0)
		memcpy(ret_id, row.id, sizeof(row.id));
	return r;
}

/* --- reading --------------------------------------------------------------------------------- */

struct walk {
	store_waiver_each each;
	void *userdata;
	uint64_t now_s;
};

#define WAIVER_COLUMNS                                                                             \
	"SELECT id, device, kind, waives, source, boots, boots_left, replies_per_boot, window_s,"  \
	" replies, comment, created_by, created_s, expires_s, cancelled_s, proposed,"              \
	" window_until_s, window_replies_left FROM waiver WHERE organization = $1"

static const char *state_name(const struct db_row *row, const struct store_waiver *waiver,
			      uint64_t now_s)
{
	bool in_window = db_number(row, 16) > now_s && db_number(row, 17) > 0;

	if (db_number(row, 14) > 0)
		return "cancelled";
	if (db_number(row, 15) > 0)
		return waiver->expires_s > now_s ? "proposed" : "expired";
	if (in_window || (waiver->boots_left > 0 && waiver->expires_s > now_s))
		return "usable";
	return waiver->boots_left > 0 ? "expired" : "used-up";
}

static int take_waiver(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	struct store_waiver waiver = {
		.kind = db_text(row, 2),
		.waives = (unsigned)db_number(row, 3),
		.source = db_text(row, 4),
		.boots = db_number(row, 5),
		.boots_left = db_number(row, 6),
		.replies_per_boot = db_number(row, 7),
		.window_s = db_number(row, 8),
		.replies = db_number(row, 9),
		.comment = db_text(row, 10),
		.created_by = db_text(row, 11),
		.created_s = db_number(row, 12),
		.expires_s = db_number(row, 13),
	};
	int r;

	waiver.state = state_name(row, &waiver, walk->now_s);
	r = db_blob_copy(row, 0, waiver.id, sizeof(waiver.id));
	if (r == 0)
		r = db_blob_copy(row, 1, waiver.device, sizeof(waiver.device));
	return r < 0 ? r : walk->each(&waiver, walk->userdata);
}

int store_waivers(struct store *store, const uint8_t organization[static 16], const uint8_t *device,
		  store_waiver_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	struct db_value owner = DB_BLOB(organization, ORGANIZATION_ID_BYTES);
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	if (!device)
		return db_query(store->db, WAIVER_COLUMNS " ORDER BY serial DESC LIMIT $2",
				DB_ARGS(owner, DB_NUMBER(STORE_LIST_MAX)), take_waiver, &walk);
	return db_query(store->db, WAIVER_COLUMNS " AND device = $2 ORDER BY serial DESC LIMIT $3",
			DB_ARGS(owner, DB_BLOB(device, DEVICE_ID_BYTES), DB_NUMBER(STORE_LIST_MAX)),
			take_waiver, &walk);
}

int store_waiver(struct store *store, const uint8_t organization[static 16],
		 const uint8_t id[static WAIVER_ID_BYTES], store_waiver_each each, void *userdata)
{
	struct walk walk = { each, userdata, 0 };
	int r = db_now(store->db, &walk.now_s);

	if (r < 0)
		return r;
	return store_one(
		store, WAIVER_COLUMNS " AND id = $2",
		DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_BLOB(id, WAIVER_ID_BYTES)),
		take_waiver, &walk);
}

struct found {
	uint8_t device[DEVICE_ID_BYTES];
	uint64_t cancelled_s;
};

static int take_found(const struct db_row *row, void *userdata)
{
	struct found *found = userdata;

	found->cancelled_s = db_number(row, 1);
	return db_blob_copy(row, 0, found->device, sizeof(found->device));
}

static int cancel(struct store *store, const struct store_by *by, const uint8_t *id)
{
	char hex[2 * WAIVER_ID_BYTES + 1];
	struct db_value waiver = DB_BLOB(id, WAIVER_ID_BYTES);
	struct found found;
	uint64_t now_s;
	int r;

	r = store_one(store,
		      "SELECT device, cancelled_s FROM waiver WHERE organization = $1 AND id = $2",
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), waiver), take_found,
		      &found);
	if (r != 0 || found.cancelled_s > 0)
		return r;
	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db, "UPDATE waiver SET cancelled_s = $1 WHERE id = $2",
			   DB_ARGS(DB_NUMBER(now_s), waiver));
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE approval SET state = 'ended', decided_s = $1,"
			   " detail = 'the waiver was cancelled'"
			   " WHERE waiver = $2 AND state = 'pending'",
			   DB_ARGS(DB_NUMBER(now_s), waiver));
	text_hex(hex, id, WAIVER_ID_BYTES);
	return r != 0 ? r : store_audit_action(store, by, "waiver-cancelled", found.device, hex);
}

int store_waiver_cancel(struct store *store, const struct store_by *by,
			const uint8_t id[static WAIVER_ID_BYTES])
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, cancel(store, by, id));
}

/* --- spending -------------------------------------------------------------------------------- */

struct live {
	struct waiver *to;
	size_t max, count;
};

/* "" is no address. False: neither that nor one. */
static bool read_address(const struct db_row *row, int column, struct source_address *ret,
			 bool *ret_given)
{
	const char *text = db_text(row, column);

	*ret_given = text[0] != 0;
	return !text[0] || source_parse(text, ret) == 0;
}

/* A damaged row allows nothing. */
static int take_live(const struct db_row *row, void *userdata)
{
	struct live *live = userdata;
	struct waiver waiver = {
		.waives = (unsigned)db_number(row, 1),
		.expires_s = db_number(row, 3),
		.boots_left = db_number(row, 4),
		.replies_per_boot = db_number(row, 5),
		.window_s = db_number(row, 6),
		.window_until_s = db_number(row, 7),
		.window_replies_left = db_number(row, 9),
	};
	bool has_window;

	if (live->count == live->max || db_blob_copy(row, 0, waiver.id, sizeof(waiver.id)) < 0 ||
	    !read_address(row, 2, &waiver.source, &waiver.has_source) ||
	    !read_address(row, 8, &waiver.window_source, &has_window))
		return 0;
	live->to[live->count++] = waiver;
	return 0;
}

int store_waivers_live(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		       const struct source_address *source, uint64_t now_s, size_t max,
		       struct waiver *ret, size_t *ret_count)
{
	struct live live = { ret, max, 0 };
	char text[CIDR_TEXT_SIZE];
	int r;

	source_print(source, text);
	r = db_query(store->db,
		     "SELECT id, waives, source, expires_s, boots_left, replies_per_boot, window_s,"
		     " window_until_s, window_source, window_replies_left FROM waiver"
		     " WHERE device = $1 AND (source = '' OR source = $2) AND cancelled_s = 0"
		     " AND proposed = 0 AND (expires_s > $3 OR window_until_s > $3)"
		     " ORDER BY window_until_s DESC, expires_s, serial",
		     DB_ARGS(DB_BLOB(device, DEVICE_ID_BYTES), DB_TEXT(text), DB_NUMBER(now_s)),
		     take_live, &live);
	if (r == 0)
		*ret_count = live.count;
	return r;
}

int store_waiver_spend(struct store *store, const struct waiver *before, const struct waiver *after)
{
	char source[CIDR_TEXT_SIZE];
	int r;

	source_print(&after->window_source, source);
	r = db_run(store->db,
		   "UPDATE waiver SET boots_left = $1, window_until_s = $2, window_source = $3,"
		   " window_replies_left = $4, replies = replies + 1"
		   " WHERE id = $5 AND cancelled_s = 0 AND boots_left = $6 AND window_until_s = $7"
		   " AND window_replies_left = $8",
		   DB_ARGS(DB_NUMBER(after->boots_left), DB_NUMBER(after->window_until_s),
			   DB_TEXT(source), DB_NUMBER(after->window_replies_left),
			   DB_BLOB(before->id, WAIVER_ID_BYTES), DB_NUMBER(before->boots_left),
			   DB_NUMBER(before->window_until_s),
			   DB_NUMBER(before->window_replies_left)));
	return r == 0 && db_changes(store->db) != 1 ? STORE_CONFLICT : r;
}
