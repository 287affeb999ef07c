/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a converting machine tells of itself, authenticated by its report token. Reports only ever
 * shorten what the device may do: "leave"/"done" ends the window, nothing lengthens it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

struct reporter {
	uint8_t device[DEVICE_ID_BYTES];
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char phase[64], state[16]; /* of the last report */
};

static int take_reporter(const struct db_row *row, void *userdata)
{
	struct reporter *reporter = userdata;
	int r;

	r = db_blob_copy(row, 0, reporter->device, sizeof(reporter->device));
	if (r == 0)
		r = db_blob_copy(row, 1, reporter->organization, sizeof(reporter->organization));
	if (r == 0)
		r = db_text_copy(row, 2, reporter->phase, sizeof(reporter->phase));
	return r < 0 ? r : db_text_copy(row, 3, reporter->state, sizeof(reporter->state));
}

/* Whose token is it? STORE_NOT_FOUND also after revocation and the end of the window. */
static int find_reporter(struct store *store, const char *token, uint64_t now_s,
			 struct reporter *ret)
{
	uint8_t hash[32];
	int r = store_token_hash(token, hash);

	if (r != 0)
		return r;
	return store_one(store,
			 "SELECT d.id, d.organization, r.phase, r.state FROM device d"
			 " JOIN device_report r ON r.device = d.id"
			 " WHERE d.report_hash = $1 AND d.revoked_s = 0"
			 " AND d.converting_until_s > $2",
			 DB_ARGS(DB_BLOB(hash, sizeof(hash)), DB_NUMBER(now_s)), take_reporter,
			 ret);
}

static int audit_report(struct store *store, const struct reporter *reporter, const char *event,
			const struct source_address *source, const char *detail)
{
	struct store_by by = { .actor = "", .source = source };

	memcpy(by.organization, reporter->organization, sizeof(by.organization));
	return store_audit_action(store, &by, event, reporter->device, detail);
}

static int end_conversion(struct store *store, const struct reporter *reporter, uint64_t now_s)
{
	return db_run(store->db,
		      "UPDATE device SET converting_until_s = 0, left_s = $1, report_hash = NULL"
		      " WHERE id = $2",
		      DB_ARGS(DB_NUMBER(now_s), DB_BLOB(reporter->device, DEVICE_ID_BYTES)));
}

/* Only a change of phase or state gets an audit row, not each percent. */
static int note_phase(struct store *store, const struct reporter *reporter,
		      const struct store_progress *progress, const struct source_address *source)
{
	char detail[128];

	if (strcmp(reporter->phase, progress->phase) == 0 &&
	    strcmp(reporter->state, progress->state) == 0)
		return 0;
	snprintf(detail, sizeof(detail), "%s %s (claimed by the machine)", progress->phase,
		 progress->state);
	return audit_report(store, reporter, "device-phase", source, detail);
}

static int save_progress(struct store *store, const char *token,
			 const struct store_progress *progress, const struct source_address *source)
{
	struct reporter reporter;
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = find_reporter(store, token, now_s, &reporter);
	if (r == 0)
		r = db_run(store->db,
			   "UPDATE device_report SET phase = $1, state = $2, percent = $3,"
			   " boot = $4, message = $5, progress_s = $6, waiting = $7,"
			   " done_bytes = $8, total_bytes = $9, bytes_per_s = $10, eta_s = $11"
			   " WHERE device = $12",
			   DB_ARGS(DB_TEXT(progress->phase), DB_TEXT(progress->state),
				   DB_REAL(progress->percent), DB_NUMBER(progress->boot),
				   DB_TEXT(progress->message), DB_NUMBER(now_s),
				   DB_TEXT(progress->waiting),
				   DB_NUMBER(progress->figures.done_bytes),
				   DB_NUMBER(progress->figures.total_bytes),
				   DB_NUMBER(progress->figures.bytes_per_s),
				   DB_NUMBER(progress->figures.eta_s),
				   DB_BLOB(reporter.device, DEVICE_ID_BYTES)));
	if (r == 0)
		r = note_phase(store, &reporter, progress, source);
	if (r == 0 && strcmp(progress->phase, "leave") == 0 && strcmp(progress->state, "done") == 0)
		r = end_conversion(store, &reporter, now_s);
	return r;
}

int store_progress(struct store *store, const char *report_token,
		   const struct store_progress *progress, const struct source_address *source)
{
	int r;

	if (strlen(progress->phase) >= sizeof(((struct reporter *)0)->phase) ||
	    strlen(progress->state) >= sizeof(((struct reporter *)0)->state))
		return fail(-EINVAL, "the name of a phase or state is too long");
	r = db_begin(store->db);
	if (r < 0)
		return r;
	return store_end(store, save_progress(store, report_token, progress, source));
}

static int save_evidence(struct store *store, const char *token, const char *evidence,
			 const struct source_address *source)
{
	struct reporter reporter;
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = find_reporter(store, token, now_s, &reporter);
	if (r == 0)
		r = db_run(store->db, "UPDATE device_report SET evidence = $1 WHERE device = $2",
			   DB_ARGS(DB_TEXT(evidence), DB_BLOB(reporter.device, DEVICE_ID_BYTES)));
	return r != 0 ? r : audit_report(store, &reporter, "device-evidence", source, "");
}

int store_evidence(struct store *store, const char *report_token, const char *evidence,
		   const struct source_address *source)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, save_evidence(store, report_token, evidence, source));
}
