/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of the store that only core (and init) may call: transactions that span several calls,
 * what a decision reads and leaves, wrapped keys, redeeming. Unless it says otherwise, a call runs
 * inside a transaction that the caller has begun.
 */
#pragma once

#include "server/store/store_policy.h"

#define SEALED_MAX_BYTES 512
#define LIST_TEXT_SIZE 2048
#define NONCE_BYTES 16
#define FINGERPRINT_BYTES 32
#define SECRET_HASH_BYTES 32
#define WRITER_SIZE 64

/* --- transactions ---------------------------------------------------------------------------- */

/* Alone: as if no other transaction were there, on any node. */
int store_begin(struct store *store) MUST_CHECK;
/* Beside others that have none of these devices; for decisions, which touch nothing but rows of
 * their devices and audit lanes of this writer. devices may be NULL with count 0. */
int store_begin_devices(struct store *store, const uint8_t (*devices)[DEVICE_ID_BYTES],
			size_t count) MUST_CHECK;
/* Negative: the outcome is unknown; answer nobody. */
int store_commit(struct store *store) MUST_CHECK;
/* Harmless outside of a transaction. */
void store_rollback(struct store *store);
int store_now(struct store *store, uint64_t *ret) MUST_CHECK;
/* A number that differs from the last one when another process has changed the store since, by a
 * transaction of store_begin(). */
int store_version(struct store *store, uint64_t *ret) MUST_CHECK;

/* An audit row in this process's lane of the organization. */
int store_audit_append(struct store *store, const uint8_t organization[static 16],
		       const struct store_audit_entry *entry) MUST_CHECK;

/* A lane of the audit and a row in it: its head, or the last row that was pruned. */
struct store_lane {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char writer[WRITER_SIZE];
	uint64_t lane_seq;
	uint8_t hash[32];
};

typedef int (*store_lane_each)(const struct store_lane *lane, void *userdata);

/* The head of every lane, ordered. Outside of a transaction too, as all down to
 * store_audit_prune(). */
int store_audit_heads(struct store *store, store_lane_each each, void *userdata) MUST_CHECK;
/* Where a pruned lane begins: its last removed row, into lane_seq and hash; organization and writer
 * are given. STORE_NOT_FOUND: nothing was pruned. */
int store_audit_base(struct store *store, struct store_lane *lane) MUST_CHECK;
/* How many lanes were pruned. */
int store_audit_base_count(struct store *store, uint64_t *ret) MUST_CHECK;
/* The hash of one row into lane->hash; the other members are given. STORE_NOT_FOUND. */
int store_audit_hash(struct store *store, struct store_lane *lane) MUST_CHECK;
/* The seq of the newest row; 0: there is none. */
int store_audit_newest(struct store *store, uint64_t *ret) MUST_CHECK;

/* Removes rows of a lane that stand before its base or are it; at most a few thousand a call.
 * *ret_removed 0: nothing is left to remove. One transaction. */
int store_audit_prune(struct store *store, const struct store_lane *base,
		      uint64_t *ret_removed) MUST_CHECK;

/* A signed list of heads (server/core/checkpoint.h). */
struct store_checkpoint {
	uint64_t serial, time_s, audit_seq;
	const char *text;
};

typedef int (*store_checkpoint_each)(const struct store_checkpoint *row, void *userdata);

/* Those behind after_serial, oldest first. */
int store_checkpoints(struct store *store, uint64_t after_serial, store_checkpoint_each each,
		      void *userdata) MUST_CHECK;
/* The newest one made at before_s or earlier. STORE_NOT_FOUND. */
int store_checkpoint_last(struct store *store, uint64_t before_s, store_checkpoint_each each,
			  void *userdata) MUST_CHECK;
int store_checkpoint_count(struct store *store, uint64_t *ret) MUST_CHECK;
int store_checkpoint_insert(struct store *store, const struct store_checkpoint *row) MUST_CHECK;
/* Inside a transaction: lanes begin behind these heads from now on, and checkpoints before serial
 * are forgotten. store_audit_prune() removes the rows. */
int store_audit_set_base(struct store *store, const struct store_lane *base) MUST_CHECK;
int store_checkpoints_forget(struct store *store, uint64_t serial) MUST_CHECK;

/* The organization of what has none: the system's lane. */
extern const uint8_t store_system[ORGANIZATION_ID_BYTES];

/* Outside of a transaction too. STORE_NOT_FOUND. */
int store_setting(struct store *store, const char *name, void *ret, size_t size,
		  size_t *ret_len) MUST_CHECK;
int store_setting_set(struct store *store, const char *name, const void *value,
		      size_t len) MUST_CHECK;

/* --- unlocking ------------------------------------------------------------------------------- */

/* What a decision reads of a device. */
struct store_unlock {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	bool disabled;
	bool quarantined; /* the server */
	uint64_t revoked_s, destroyed_s, converting_until_s, left_s;
	uint64_t generation; /* of its present keys */
	uint64_t created_s, last_seen_s, absence_s;
	bool absence_denies, held;
	bool names_networks; /* has network lists: store_unlock_networks() */
	uint64_t groups;     /* approval groups that its tags put it under */
	bool announces_reboots;
	uint64_t reboot_from_s, reboot_until_s, surprised_s;
	uint64_t needs_rules;			      /* its organization: see DECIDE_RULES */
	bool has_authorizer;			      /* its organization */
	uint8_t authorizer[AUTHORIZER_VERSION_BYTES]; /* the setting's version */
	char approval[8];
	char allow_from[LIST_TEXT_SIZE];
	char registered[LIST_TEXT_SIZE];
};

/* STORE_NOT_FOUND: no such device. */
int store_unlock(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		 struct store_unlock *ret) MUST_CHECK;

/* The names and ranges of the device's network lists, as texts. STORE_NOT_FOUND: not all of them
 * exist. */
int store_unlock_networks(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			  int (*each)(const char *name, const char *ranges, void *userdata),
			  void *userdata) MUST_CHECK;

/* An allowed exchange: sets last_seen; registered is the new list, NULL leaves it; native_seen is
 * set when is_native. */
int store_unlock_seen(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		      uint64_t now_s, const char *registered, bool is_native) MUST_CHECK;

/* It was an unlock that nobody expected. */
int store_unlock_surprised(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   uint64_t now_s) MUST_CHECK;

/* A device's wrapped keys of one generation. */
struct store_key {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	uint64_t generation;
	char exchange_thumbprint[THUMBPRINT_CHARS + 1];
	char signing_thumbprint[THUMBPRINT_CHARS + 1];
	char kek[THUMBPRINT_CHARS + 1]; /* id of the key-encryption key */
	uint8_t exchange_sealed[SEALED_MAX_BYTES], signing_sealed[SEALED_MAX_BYTES];
	size_t exchange_len, signing_len;
};

/* The keys with this exchange thumbprint; NULL: of the present generation. STORE_NOT_FOUND.
 * Outside of a transaction too. */
int store_key(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
	      const char *exchange_thumbprint, struct store_key *ret) MUST_CHECK;
/* The keys with this signing thumbprint, of any generation. STORE_NOT_FOUND. */
int store_key_by_signer(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			const char *signing_thumbprint, struct store_key *ret) MUST_CHECK;
/* The present keys are of this generation from now on. */
int store_generation_set(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			 uint64_t generation) MUST_CHECK;
/* An unlock used a key of an older generation. */
int store_key_used(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		   uint64_t generation, uint64_t now_s) MUST_CHECK;
int store_key_insert(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		     const struct store_key *key, uint64_t now_s) MUST_CHECK;

/* The device's waivers that are neither cancelled nor over, for this source: those with an open
 * window first. Whether one has a reply left is for decide() to say. At most max. */
int store_waivers_live(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
		       const struct source_address *source, uint64_t now_s, size_t max,
		       struct waiver *ret, size_t *ret_count) MUST_CHECK;

/* Takes one reply. STORE_CONFLICT: the row isn't as it was read (another node was quicker, or it
 * was cancelled); nothing is changed. */
int store_waiver_spend(struct store *store, const struct waiver *before,
		       const struct waiver *after) MUST_CHECK;
/* --- epochs of the KEK ----------------------------------------------------------------------- */

#define EPOCH_ID_SIZE 33

/* One KEK's time. Present: retired_s is 0. */
struct store_epoch {
	uint64_t serial;
	char id[EPOCH_ID_SIZE];
	uint8_t check_sealed[SEALED_MAX_BYTES], enrollment_sealed[SEALED_MAX_BYTES];
	size_t check_len, enrollment_len;
	uint64_t created_s, retired_s, destroyed_s;
	uint64_t rewrapped_s;		  /* when nothing was left under older epochs */
	uint64_t copied_s, copy_opened_s; /* the portable copy */
};

typedef int (*store_epoch_each)(const struct store_epoch *epoch, void *userdata);

/* Oldest first. Outside of a transaction too, as the next one. */
int store_epochs(struct store *store, store_epoch_each each, void *userdata) MUST_CHECK;
/* STORE_NOT_FOUND: the store is new. */
int store_epoch_present(struct store *store, struct store_epoch *ret) MUST_CHECK;
/* Retires the present one; serial is given by the store. STORE_CONFLICT: the id is known. */
int store_epoch_insert(struct store *store, const struct store_epoch *epoch) MUST_CHECK;

enum store_epoch_note { EPOCH_REWRAPPED, EPOCH_DESTROYED, EPOCH_COPIED, EPOCH_COPY_OPENED };

/* STORE_NOT_FOUND: no such epoch, or it is the present one and can't be destroyed. */
int store_epoch_note(struct store *store, const char *id, enum store_epoch_note note) MUST_CHECK;

struct store_wrapped {
	uint8_t device[DEVICE_ID_BYTES];
	struct store_key key;
};

typedef int (*store_wrapped_each)(const struct store_wrapped *wrapped, void *userdata);

/* Keys behind after (all zeros: from the start) that another epoch wraps, ordered. */
int store_wrapped_elsewhere(struct store *store, const char *id, const struct store_wrapped *after,
			    size_t limit, store_wrapped_each each, void *userdata) MUST_CHECK;
int store_rewrap(struct store *store, const struct store_wrapped *wrapped) MUST_CHECK;

/* --- quarantine, backup ---------------------------------------------------------------------- */

/* From here on each unlock needs approval and nothing is enrolled. What people had allowed ends: it
 * may be spent, or taken back, in what the store has forgotten. With its audit row; one
 * transaction; once more is 0. */
int store_quarantine_begin(struct store *store, const char *actor, const char *reason) MUST_CHECK;
/* Inside a transaction. STORE_CONFLICT: there is none. */
int store_quarantine_end(struct store *store, const char *actor, const char *detail) MUST_CHECK;
/* *ret_since_s 0: there is none. Outside of a transaction too. */
int store_quarantine(struct store *store, uint64_t *ret_since_s) MUST_CHECK;

/* Writes the whole store, as it is at one moment, to a new file, while others go on. -ENOTSUP: the
 * back end has tools of its own for that. */
int store_copy(struct store *store, const char *path) MUST_CHECK;

/* Files inside a backup. One transaction each. STORE_NOT_FOUND. */
int store_backup_file_put(struct store *store, const char *name, const void *bytes,
			  size_t len) MUST_CHECK;
int store_backup_file_get(struct store *store, const char *name, void **ret,
			  size_t *ret_len) MUST_CHECK;
int store_backup_files_forget(struct store *store) MUST_CHECK;

struct store_ask {
	const uint8_t *organization, *device;
	const char *source, *reason;
	uint64_t now_s;
	bool is_repeat; /* the same request once more, after it was held */
};

/* A device asks people. What is pending for it and this source is folded; *ret_is_new: nothing
 * was. */
int store_approval_ask(struct store *store, const struct store_ask *ask,
		       bool *ret_is_new) MUST_CHECK;

/* Have people denied this device and source, not long ago? Outside of a transaction too. */
int store_approval_refused(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   const struct source_address *source, uint64_t now_s,
			   bool *ret) MUST_CHECK;

/* --- enrolling ------------------------------------------------------------------------------- */

struct store_new_key {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char id[ENROLLMENT_ID_SIZE];
	uint8_t secret_hash[SECRET_HASH_BYTES];
	const char *description, *tags, *allow_from, *redeem_from, *created_by;
	const char *networks, *approval, *environment, *workload;
	uint64_t max_uses, created_s, expires_s, absence_s, rate_per_hour, live_max;
	bool hold, ephemeral;
};

/* STORE_CONFLICT: the id is taken; STORE_NO_LIST. */
int store_enrollment_key_insert(struct store *store, const struct store_new_key *key) MUST_CHECK;

/* What redeeming reads of a key. */
struct store_redeem {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char organization_name[128];
	uint8_t secret_hash[SECRET_HASH_BYTES];
	uint64_t max_uses, uses, expires_s, revoked_s;
	uint64_t rate_per_hour, live_max; /* 0: no limit */
	char tags[1024];
	char allow_from[LIST_TEXT_SIZE], redeem_from[LIST_TEXT_SIZE];
};

/* STORE_NOT_FOUND: no key with this id. */
int store_redeem_key(struct store *store, const char *id, struct store_redeem *ret) MUST_CHECK;
/* Gives a new device what its key's devices begin with, besides tags and addresses. */
int store_redeem_defaults(struct store *store, const char *id,
			  const uint8_t device[static DEVICE_ID_BYTES]) MUST_CHECK;
/* How many of the key's devices were made in the last hour, and how many aren't revoked. */
struct store_redeemed {
	uint64_t lately, live;
};
int store_redeem_count(struct store *store, const char *id, const struct store_redeem *key,
		       uint64_t now_s, struct store_redeemed *ret) MUST_CHECK;
/* Counts one use. STORE_CONFLICT: there was none left. */
int store_redeem_use(struct store *store, const char *id) MUST_CHECK;

/* The device that was enrolled with a nonce. */
struct store_enrolled {
	uint8_t device[DEVICE_ID_BYTES];
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char enrollment_key[ENROLLMENT_ID_SIZE];
	uint8_t fingerprint[FINGERPRINT_BYTES];
	uint64_t created_s, revoked_s, converting_until_s;
	char tags[1024];
};

/* STORE_NOT_FOUND: a new nonce. */
int store_enrolled(struct store *store, const uint8_t nonce[static NONCE_BYTES],
		   struct store_enrolled *ret) MUST_CHECK;

struct store_new_device {
	uint8_t id[DEVICE_ID_BYTES];
	uint8_t organization[ORGANIZATION_ID_BYTES];
	const char *name, *tags, *allow_from, *platform;
	const char *enrollment_key; /* "" when an admin made it */
	const uint8_t *nonce;	    /* NULL: none */
	const uint8_t *fingerprint; /* NULL: none */
	const uint8_t *report_hash; /* NULL: no report token */
	uint64_t created_s, converting_until_s;
};

int store_device_insert(struct store *store, const struct store_new_device *device) MUST_CHECK;

/* Replaces the report token, for a repeated enrollment. */
int store_report_token_set(struct store *store, const uint8_t device[static DEVICE_ID_BYTES],
			   const uint8_t hash[static 32]) MUST_CHECK;

/* The organization's name. STORE_NOT_FOUND. */
int store_organization_name(struct store *store, const uint8_t organization[static 16], char *ret,
			    size_t size) MUST_CHECK;
