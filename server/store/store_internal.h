/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the store share. Not for anyone outside of server/store/.
 */
#pragma once

#include "server/store/db.h"
#include "server/store/store_core.h"
#include "server/store/store_proposals.h"

/* The back end's outcome is passed up as the store's. */
_Static_assert((int)DB_CONFLICT == (int)STORE_CONFLICT, "one number for a conflict");

struct store {
	struct db *db;
	char writer[WRITER_SIZE];
};

/* A query for one row: 0 when each was called, else STORE_NOT_FOUND. */
int store_one(struct store *store, const char *sql, const struct db_value *args, size_t count,
	      int (*each)(const struct db_row *row, void *userdata), void *userdata) MUST_CHECK;

/* Commits when r is 0, else rolls back; returns r, or what the commit returned. For the end of a
 * changing call: return store_end(store, r). */
int store_end(struct store *store, int r) MUST_CHECK;

/* The audit row of an admin's action, inside its transaction. device may be NULL. */
int store_audit_action(struct store *store, const struct store_by *by, const char *event,
		       const uint8_t *device, const char *detail) MUST_CHECK;

/* The newest row of a lane, or the last one pruned from it, into lane_seq and hash. Organization
 * and writer are given. STORE_NOT_FOUND: there is none. */
int store_lane_head(struct store *store, struct store_lane *lane) MUST_CHECK;

/* SHA-256 of a token's text; STORE_NOT_FOUND when it can't be one. */
int store_token_hash(const char *token, uint8_t ret[static 32]) MUST_CHECK;

/* A device's wrapped keys, in columns from this one on. */
#define STORE_KEY_COLUMNS                                                                          \
	"d.organization, k.generation, k.exchange_thumbprint, k.signing_thumbprint, k.kek,"        \
	" k.exchange_sealed, k.signing_sealed"
int store_take_key(const struct db_row *row, int column, struct store_key *ret) MUST_CHECK;

/* For queries that want one number: userdata is a uint64_t *. */
int store_take_number(const struct db_row *row, void *userdata);

/* A waiver to be. */
struct store_waiver_row {
	const struct store_by *by;
	const uint8_t *device;
	const char *kind;
	const struct store_new_waiver *new;
	uint8_t id[WAIVER_ID_BYTES];
	bool is_proposed;
};

/* Inside a transaction, without audit. STORE_CONFLICT: the device has too many live ones. */
int store_waiver_insert(struct store *store, const struct store_waiver_row *row,
			uint64_t now_s) MUST_CHECK;

/* A request for a quorum over a proposed waiver. Inside its transaction. */
int store_approval_propose(struct store *store, const struct store_waiver_row *row,
			   uint64_t now_s) MUST_CHECK;

/* Ends what is pending of a device (NULL: of the organization), because what it was asked under has
 * changed. Inside a transaction. */
int store_approvals_end(struct store *store, const struct store_by *by, const uint8_t *device,
			const char *why) MUST_CHECK;

/* The largest quorum of the groups that a device is under; 0: none. */
int store_quorum(struct store *store, const uint8_t organization[static 16],
		 const uint8_t device[static DEVICE_ID_BYTES], uint64_t *ret) MUST_CHECK;

/* Inside a transaction, where what weakens a decision is changed. 0: go on; STORE_NEEDS_QUORUM: a
 * group with a quorum of two or more must agree, and by->proposal isn't (or no longer) enough. */
int store_guard(struct store *store, const struct store_by *by, enum store_subject subject,
		const char *name) MUST_CHECK;
int store_guard_device(struct store *store, const struct store_by *by,
		       const uint8_t *device) MUST_CHECK;

/* Members that a device is under a group by, for FROM approval_group g, device d. */
#define STORE_UNDER_GROUP                                                                          \
	"EXISTS (SELECT 1 FROM approval_group_tag t WHERE t.organization = g.organization"         \
	" AND t.name = g.name AND replace(d.tags, '\"' || t.tag || '\"', '') <> d.tags)"

/* Of a vote v in the organization $1: the voter still is somebody who may vote. */
#define STORE_MAY_VOTE                                                                             \
	"EXISTS (SELECT 1 FROM member m WHERE m.organization = $1 AND m.name = v.member"           \
	" AND m.role <> 'auditor')"

/* NULL as a parameter that leaves coalesce($n, column) alone. */
struct db_value store_optional_text(const char *text);

/* Do all network lists of this JSON array text exist? 0 or STORE_NO_LIST. */
int store_networks_exist(struct store *store, const uint8_t organization[static 16],
			 const char *names) MUST_CHECK;
