/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What checkpoints of the audit need: heads of lanes, the signed texts, where pruned lanes begin;
 * and the export. Signing and judging are core's (server/core/checkpoint.c).
 */
#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

#define PRUNE_ROWS 4000

/* --- lanes ----------------------------------------------------------------------------------- */

static int take_lane(const struct db_row *row, void *userdata)
{
	struct store_lane *lane = userdata;
	int r = db_blob_copy(row, 0, lane->organization, sizeof(lane->organization));

	return r < 0 ? r : db_text_copy(row, 1, lane->writer, sizeof(lane->writer));
}

/* One seek of the index a lane: the audit has millions of rows and few lanes. */
static int next_lane(struct store *store, const struct db_value *organization, const char *writer,
		     struct store_lane *ret)
{
	return store_one(store,
			 "SELECT organization, writer FROM (SELECT organization, writer FROM audit"
			 " WHERE (organization, writer) > ($1, $2)"
			 " ORDER BY organization, writer LIMIT 1) AS a"
			 " UNION SELECT organization, writer FROM audit_base"
			 " WHERE (organization, writer) > ($1, $2)"
			 " ORDER BY 1, 2 LIMIT 1",
			 DB_ARGS(*organization, DB_TEXT(writer)), take_lane, ret);
}

int store_audit_heads(struct store *store, store_lane_each each, void *userdata)
{
	struct store_lane lane = { .lane_seq = 0 };
	struct db_value organization = DB_BLOB(lane.organization, 0);
	char writer[WRITER_SIZE] = "";
	int r;

	while ((r = next_lane(store, &organization, writer, &lane)) == 0) {
		r = store_lane_head(store, &lane);
		if (r == 0)
			r = each(&lane, userdata);
		if (r != 0)
			return r;
		organization.len = sizeof(lane.organization);
		memcpy(writer, lane.writer, sizeof(writer));
	}
	return r == STORE_NOT_FOUND ? 0 : r;
}

int store_audit_base_count(struct store *store, uint64_t *ret)
{
	return db_query(store->db, "SELECT count(*) FROM audit_base", DB_NO_ARGS, store_take_number,
			ret);
}

static int take_hash(const struct db_row *row, void *userdata)
{
	return db_blob_copy(row, 0, userdata, 32);
}

int store_audit_hash(struct store *store, struct store_lane *lane)
{
	return store_one(store,
			 "SELECT hash FROM audit WHERE organization = $1 AND writer = $2"
			 " AND lane_seq = $3",
			 DB_ARGS(DB_BLOB(lane->organization, ORGANIZATION_ID_BYTES),
				 DB_TEXT(lane->writer), DB_NUMBER(lane->lane_seq)),
			 take_hash, lane->hash);
}

int store_audit_newest(struct store *store, uint64_t *ret)
{
	return db_query(store->db, "SELECT max(seq) FROM audit", DB_NO_ARGS, store_take_number,
			ret);
}

/* --- pruning --------------------------------------------------------------------------------- */

int store_audit_set_base(struct store *store, const struct store_lane *base)
{
	return db_run(store->db,
		      "INSERT INTO audit_base (organization, writer, lane_seq, hash)"
		      " VALUES ($1, $2, $3, $4) ON CONFLICT (organization, writer)"
		      " DO UPDATE SET lane_seq = excluded.lane_seq, hash = excluded.hash",
		      DB_ARGS(DB_BLOB(base->organization, ORGANIZATION_ID_BYTES),
			      DB_TEXT(base->writer), DB_NUMBER(base->lane_seq),
			      DB_BLOB(base->hash, sizeof(base->hash))));
}

int store_audit_prune(struct store *store, const struct store_lane *base, uint64_t *ret_removed)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	r = db_run(store->db,
		   "DELETE FROM audit WHERE organization = $1 AND writer = $2 AND lane_seq <= $3"
		   " AND lane_seq < $4 + (SELECT min(lane_seq) FROM audit"
		   " WHERE organization = $1 AND writer = $2)",
		   DB_ARGS(DB_BLOB(base->organization, ORGANIZATION_ID_BYTES),
			   DB_TEXT(base->writer), DB_NUMBER(base->lane_seq),
			   DB_NUMBER(PRUNE_ROWS)));
	*ret_removed = db_changes(store->db);
	return store_end(store, r);
}

/* --- checkpoints ----------------------------------------------------------------------------- */

struct checkpoint_walk {
	store_checkpoint_each each;
	void *userdata;
};

static int take_checkpoint(const struct db_row *row, void *userdata)
{
	const struct checkpoint_walk *walk = userdata;
	struct store_checkpoint checkpoint = { db_number(row, 0), db_number(row, 1),
					       db_number(row, 2), db_text(row, 3) };

	return walk->each(&checkpoint, walk->userdata);
}

#define CHECKPOINT_COLUMNS "SELECT serial, time_s, audit_seq, text FROM audit_checkpoint "

int store_checkpoints(struct store *store, uint64_t after_serial, store_checkpoint_each each,
		      void *userdata)
{
	struct checkpoint_walk walk = { each, userdata };

	return db_query(store->db, CHECKPOINT_COLUMNS "WHERE serial > $1 ORDER BY serial",
			DB_ARGS(DB_NUMBER(after_serial)), take_checkpoint, &walk);
}

int store_checkpoint_last(struct store *store, uint64_t before_s, store_checkpoint_each each,
			  void *userdata)
{
	struct checkpoint_walk walk = { each, userdata };

	return store_one(store,
			 CHECKPOINT_COLUMNS "WHERE time_s <= $1 ORDER BY serial DESC LIMIT 1",
			 DB_ARGS(DB_NUMBER(before_s)), take_checkpoint, &walk);
}

int store_checkpoint_count(struct store *store, uint64_t *ret)
{
	return db_query(store->db, "SELECT count(*) FROM audit_checkpoint", DB_NO_ARGS,
			store_take_number, ret);
}

int store_checkpoint_insert(struct store *store, const struct store_checkpoint *row)
{
	return db_run(store->db,
		      "INSERT INTO audit_checkpoint (serial, time_s, audit_seq, text)"
		      " VALUES ($1, $2, $3, $4)",
		      DB_ARGS(DB_NUMBER(row->serial), DB_NUMBER(row->time_s),
			      DB_NUMBER(row->audit_seq), DB_TEXT(row->text)));
}

int store_checkpoints_forget(struct store *store, uint64_t serial)
{
	return db_run(store->db, "DELETE FROM audit_checkpoint WHERE serial < $1",
		      DB_ARGS(DB_NUMBER(serial)));
}

/* --- export ---------------------------------------------------------------------------------- */

/* A statement's rows may all be held in memory at once. */
#define EXPORT_ROWS 5000

struct export_walk {
	store_audit_row_each each;
	void *userdata;
	uint64_t last;
	size_t count;
};

static int take_row(const struct db_row *row, void *userdata)
{
	struct export_walk *walk = userdata;
	char device[2 * DEVICE_ID_BYTES + 1] = "";
	uint8_t organization[ORGANIZATION_ID_BYTES], hash[32];
	size_t len;
	const void *bytes = db_blob(row, 4, &len);
	struct store_audit_row found = {
		.event = { .seq = db_number(row, 0),
			   .time_s = db_number(row, 1),
			   .writer = db_text(row, 2),
			   .event = db_text(row, 3),
			   .device = device,
			   .source = db_text(row, 5),
			   .reason = db_text(row, 6),
			   .actor = db_text(row, 7),
			   .detail = db_text(row, 8),
			   .count = db_number(row, 9) },
		.organization = organization,
		.hash = hash,
		.lane_seq = db_number(row, 11),
	};
	int r;

	walk->last = found.event.seq;
	walk->count++;
	if (len == DEVICE_ID_BYTES)
		text_hex(device, bytes, len);
	r = db_blob_copy(row, 10, organization, sizeof(organization));
	if (r == 0)
		r = db_blob_copy(row, 12, hash, sizeof(hash));
	return r < 0 ? r : walk->each(&found, walk->userdata);
}

int store_audit_export(struct store *store, uint64_t after_seq, store_audit_row_each each,
		       void *userdata)
{
	struct export_walk walk = { each, userdata, after_seq, 0 };
	int r;

	do {
		walk.count = 0;
		r = db_query(store->db,
			     "SELECT seq, time_s, writer, event, device, source, reason, actor,"
			     " detail, count, organization, lane_seq, hash FROM audit"
			     " WHERE seq > $1 ORDER BY seq LIMIT $2",
			     DB_ARGS(DB_NUMBER(walk.last), DB_NUMBER(EXPORT_ROWS)), take_row,
			     &walk);
	} while (r == 0 && walk.count == EXPORT_ROWS);
	return r;
}
