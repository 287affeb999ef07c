/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit: rows are only added, each carries the hash of itself and of the row before it in its
 * lane (organization, writer). A row is added inside the transaction of what it tells.
 *
 * The hash is SHA-256 over "panocrypt-audit-1", the previous hash (zeros for the first row), then
 * organization, writer, lane_seq, time, event, device, source, reason, actor, detail, count. Bytes
 * and texts stand behind their length (64 bits), numbers are 64 bits, all little-endian.
 * docs/audit.md tells it to people.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/strbuf.h"
#include "server/store/store_internal.h"

#define DOMAIN "panocrypt-audit-1"

struct row {
	const uint8_t *organization;
	const char *writer;
	uint64_t lane_seq, time_s;
	struct store_audit_entry entry;
};

static void add_number(struct strbuf *buf, uint64_t number)
{
	uint64_t little = htole64(number);

	strbuf_addn(buf, (const char *)&little, sizeof(little));
}

static void add_bytes(struct strbuf *buf, const void *bytes, size_t len)
{
	add_number(buf, len);
	if (len > 0)
		strbuf_addn(buf, bytes, len);
}

static void add_text(struct strbuf *buf, const char *text)
{
	add_bytes(buf, text, strlen(text));
}

static int hash_row(const struct row *row, const uint8_t previous[32], uint8_t ret[32])
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	const struct store_audit_entry *entry = &row->entry;

	strbuf_add(&buf, DOMAIN);
	strbuf_addn(&buf, (const char *)previous, 32);
	add_bytes(&buf, row->organization, ORGANIZATION_ID_BYTES);
	add_text(&buf, row->writer);
	add_number(&buf, row->lane_seq);
	add_number(&buf, row->time_s);
	add_text(&buf, entry->event);
	add_bytes(&buf, entry->device, entry->device ? DEVICE_ID_BYTES : 0);
	add_text(&buf, entry->source);
	add_text(&buf, entry->reason);
	add_text(&buf, entry->actor);
	add_text(&buf, entry->detail);
	add_number(&buf, entry->count);
	if (buf.failed)
		return fail(-ENOMEM, "out of memory");
	return sha256(buf.text, buf.len, ret);
}

static int take_head(const struct db_row *row, void *userdata)
{
	struct store_lane *head = userdata;

	head->lane_seq = db_number(row, 0);
	return db_blob_copy(row, 1, head->hash, sizeof(head->hash));
}

int store_lane_head(struct store *store, struct store_lane *lane)
{
	struct db_value organization = DB_BLOB(lane->organization, ORGANIZATION_ID_BYTES);
	int r;

	r = store_one(store,
		      "SELECT lane_seq, hash FROM audit WHERE organization = $1 AND writer = $2"
		      " ORDER BY lane_seq DESC LIMIT 1",
		      DB_ARGS(organization, DB_TEXT(lane->writer)), take_head, lane);
	return r == STORE_NOT_FOUND ? store_audit_base(store, lane) : r;
}

int store_audit_base(struct store *store, struct store_lane *lane)
{
	return store_one(
		store,
		"SELECT lane_seq, hash FROM audit_base"
		" WHERE organization = $1 AND writer = $2",
		DB_ARGS(DB_BLOB(lane->organization, ORGANIZATION_ID_BYTES), DB_TEXT(lane->writer)),
		take_head, lane);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static int insert_row(struct store *store, const struct row *row, const uint8_t hash[32])
{
	const struct store_audit_entry *entry = &row->entry;

	return db_run(store->db,
		      "INSERT INTO audit (organization, writer, lane_seq, time_s, event, device,"
		      " source, reason, actor, detail, count, hash)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		      DB_ARGS(DB_BLOB(row->organization, ORGANIZATION_ID_BYTES),
			      DB_TEXT(row->writer), DB_NUMBER(row->lane_seq),
			      DB_NUMBER(row->time_s), DB_TEXT(entry->event),
			      DB_BLOB(entry->device, entry->device ? DEVICE_ID_BYTES : 0),
			      DB_TEXT(entry->source), DB_TEXT(entry->reason), DB_TEXT(entry->actor),
			      DB_TEXT(entry->detail), DB_NUMBER(entry->count), DB_BLOB(hash, 32)));
}

int store_audit_append(struct store *store, const uint8_t organization[static 16],
		       const struct store_audit_entry *entry)
{
	struct store_lane head = { .lane_seq = 0 };
	struct row row = { .organization = organization, .writer = store->writer };
	uint8_t hash[32];
	int r;

	row.entry = (struct store_audit_entry){
		.event = entry->event,
		.source = or_empty(entry->source),
		.reason = or_empty(entry->reason),
		.actor = or_empty(entry->actor),
		.detail = or_empty(entry->detail),
		.device = entry->device,
		.count = MAX(entry->count, 1),
	};
	memcpy(head.organization, organization, sizeof(head.organization));
	strcpy(head.writer, store->writer); /* of the same size */
	r = store_lane_head(store, &head);
	if (r >= 0)
		r = db_now(store->db, &row.time_s);
	if (r < 0)
		return r;
	row.lane_seq = head.lane_seq + 1;
	r = hash_row(&row, head.hash, hash);
	return r < 0 ? r : insert_row(store, &row, hash);
}

int store_audit_action(struct store *store, const struct store_by *by, const char *event,
		       const uint8_t *device, const char *detail)
{
	char source[CIDR_TEXT_SIZE] = "";
	struct store_audit_entry entry = { .event = event,
					   .source = source,
					   .actor = by->actor,
					   .detail = detail,
					   .device = device };

	if (by->source)
		source_print(by->source, source);
	return store_audit_append(store, by->organization, &entry);
}

int store_audit_note(struct store *store, const uint8_t organization[static 16],
		     const struct store_audit_entry *entry)
{
	int r = db_begin_keyed(store->db, NULL, 0);

	if (r < 0)
		return r;
	return store_end(store, store_audit_append(store, organization, entry));
}

/* --- reading --------------------------------------------------------------------------------- */

struct walk {
	store_event_each each;
	void *userdata;
};

#define EVENT_COLUMNS                                                                              \
	"SELECT seq, time_s, writer, event, device, source, reason, actor, detail, count FROM "    \
	"audit "

static int take_event(const struct db_row *row, void *userdata)
{
	const struct walk *walk = userdata;
	char device[2 * DEVICE_ID_BYTES + 1] = "";
	size_t len;
	const void *bytes = db_blob(row, 4, &len);
	struct store_event event = {
		.seq = db_number(row, 0),
		.time_s = db_number(row, 1),
		.writer = db_text(row, 2),
		.event = db_text(row, 3),
		.device = device,
		.source = db_text(row, 5),
		.reason = db_text(row, 6),
		.actor = db_text(row, 7),
		.detail = db_text(row, 8),
		.count = db_number(row, 9),
	};

	if (len == DEVICE_ID_BYTES)
		text_hex(device, bytes, len);
	return walk->each(&event, walk->userdata);
}

/* Who asks for what came after, again and again, must not miss a row. */
static int audit_after(struct store *store, const uint8_t organization[static 16],
		       uint64_t after_seq, size_t limit, struct walk *walk)
{
	int r = db_begin_reading(store->db);

	if (r < 0)
		return r;
	r = db_query(store->db,
		     EVENT_COLUMNS "WHERE organization = $1 AND seq > $2 ORDER BY seq LIMIT $3",
		     DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(after_seq),
			     DB_NUMBER(limit)),
		     take_event, walk);
	db_rollback(store->db);
	return r;
}

int store_audit(struct store *store, const uint8_t organization[static 16], uint64_t after_seq,
		size_t limit, store_event_each each, void *userdata)
{
	struct walk walk = { each, userdata };

	limit = MIN(limit, STORE_LIST_MAX);
	if (after_seq > 0)
		return audit_after(store, organization, after_seq, limit, &walk);
	return db_query(store->db,
			EVENT_COLUMNS "WHERE organization = $1 ORDER BY seq DESC LIMIT $2",
			DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_NUMBER(limit)),
			take_event, &walk);
}

int store_denials(struct store *store, const uint8_t organization[static 16],
		  const struct source_address *from, const uint8_t *device, size_t limit,
		  store_event_each each, void *userdata)
{
	struct walk walk = { each, userdata };
	char source[CIDR_TEXT_SIZE] = "";

	if (from)
		source_print(from, source);
	return db_query(store->db,
			EVENT_COLUMNS
			"WHERE organization = $1"
			" AND event IN ('unlock-denied', 'enroll-denied', 'unlock-pending')"
			" AND ($2 = '' OR source = $2)"
			" AND (length($3) = 0 OR device = $3)"
			" ORDER BY seq DESC LIMIT $4",
			DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES), DB_TEXT(source),
				DB_BLOB(device, device ? DEVICE_ID_BYTES : 0),
				DB_NUMBER(MIN(limit, STORE_LIST_MAX))),
			take_event, &walk);
}

/* --- verifying ------------------------------------------------------------------------------- */

#define VERIFY_ROWS 5000

struct chain {
	struct store *store;
	size_t count;		/* rows of this turn */
	struct store_lane head; /* the last row that was right */
	bool started;
};

static int broken(const struct row *row, const char *what)
{
	char hex[2 * ORGANIZATION_ID_BYTES + 1];

	text_hex(hex, row->organization, ORGANIZATION_ID_BYTES);
	(void)fail(-EBADMSG, "the audit is broken in lane %s of organization %s at row %llu: %s",
		   row->writer, hex, (unsigned long long)row->lane_seq, what);
	return STORE_CONFLICT;
}

/* The next row belongs to another lane than the one before. */
static int begin_lane(struct chain *chain, const struct row *row)
{
	struct store_lane *head = &chain->head;
	int r;

	memset(head, 0, sizeof(*head));
	memcpy(head->organization, row->organization, sizeof(head->organization));
	if (strlen(row->writer) >= sizeof(head->writer))
		return broken(row, "the writer's name is too long");
	strcpy(head->writer, row->writer); /* length checked above */
	chain->started = true;
	r = store_audit_base(chain->store, head);
	return r == STORE_NOT_FOUND ? 0 : r;
}

static int check_row(const struct db_row *found, void *userdata)
{
	struct chain *chain = userdata;
	uint8_t organization[ORGANIZATION_ID_BYTES], hash[32], computed[32];
	size_t device_len;
	const uint8_t *device = db_blob(found, 5, &device_len);
	struct row row = { organization,
			   db_text(found, 1),
			   db_number(found, 2),
			   db_number(found, 3),
			   { .event = db_text(found, 4),
			     .source = db_text(found, 6),
			     .reason = db_text(found, 7),
			     .actor = db_text(found, 8),
			     .detail = db_text(found, 9),
			     .device = device_len ? device : NULL,
			     .count = db_number(found, 10) } };
	int r;

	chain->count++;
	r = db_blob_copy(found, 0, organization, sizeof(organization));
	if (r == 0)
		r = db_blob_copy(found, 11, hash, sizeof(hash));
	if (r < 0)
		return r;
	if (device_len && device_len != DEVICE_ID_BYTES)
		return broken(&row, "the device's id has a wrong length");
	if (!chain->started || strcmp(chain->head.writer, row.writer) != 0 ||
	    memcmp(chain->head.organization, organization, sizeof(organization)) != 0)
		r = begin_lane(chain, &row);
	if (r == 0 && row.lane_seq <= chain->head.lane_seq)
		return broken(&row, "it stands before the lane's beginning: pruning was cut, or it "
				    "was added; \"panocryptd audit prune\" removes it");
	if (r == 0 && row.lane_seq != chain->head.lane_seq + 1)
		return broken(&row, "rows before it are missing");
	if (r == 0)
		r = hash_row(&row, chain->head.hash, computed);
	if (r != 0)
		return r;
	if (memcmp(computed, hash, sizeof(hash)) != 0)
		return broken(&row, "its hash doesn't fit its content and the row before");
	chain->head.lane_seq = row.lane_seq;
	memcpy(chain->head.hash, hash, sizeof(hash));
	return 0;
}

/* The next rows behind the last one that was right; they may all be held in memory at once. */
static int verify_some(struct chain *chain)
{
	const struct store_lane from = chain->head; /* moves meanwhile */

	chain->count = 0;
	return db_query(
		chain->store->db,
		"SELECT organization, writer, lane_seq, time_s, event, device, source,"
		" reason, actor, detail, count, hash FROM audit"
		" WHERE (organization, writer, lane_seq) > ($1, $2, $3)"
		" ORDER BY organization, writer, lane_seq LIMIT $4",
		DB_ARGS(DB_BLOB(from.organization, chain->started ? ORGANIZATION_ID_BYTES : 0),
			DB_TEXT(from.writer), DB_NUMBER(from.lane_seq), DB_NUMBER(VERIFY_ROWS)),
		check_row, chain);
}

int store_audit_verify(struct store *store)
{
	struct chain chain = { .store = store };
	int r;

	do {
		r = verify_some(&chain);
	} while (r == 0 && chain.count == VERIFY_ROWS);
	return r;
}
