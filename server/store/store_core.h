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

/* --- transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *store) MUST_CHECK;
/* Negative: the outcome is unknown; answer nobody. */
int store_commit(struct store *store) MUST_CHECK;
/* Harmless outside of a transaction. */
void store_rollback(struct store *store);
int store_now(struct store *store, uint64_t *ret) MUST_CHECK;
/* A number that differs from the last one when another process has changed the store since. */
int store_version(struct store *store, uint64_t *ret) MUST_CHECK;

/* An audit row in this process's lane of the organization. */
int store_audit_append(struct store *store, const uint8_t organization[static 16],
		       const struct store_audit_entry *entry) MUST_CHECK;

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
	uint64_t revoked_s, converting_until_s, left_s;
	uint64_t created_s, last_seen_s, absence_s;
	bool absence_denies, held;
	bool names_networks; /* has network lists: store_unlock_networks() */
	uint64_t groups;     /* approval groups that its tags put it under */
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
	uint64_t max_uses, created_s, expires_s;
};

/* STORE_CONFLICT: the id is taken. */
int store_enrollment_key_insert(struct store *store, const struct store_new_key *key) MUST_CHECK;

/* What redeeming reads of a key. */
struct store_redeem {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char organization_name[128];
	uint8_t secret_hash[SECRET_HASH_BYTES];
	uint64_t max_uses, uses, expires_s, revoked_s;
	char tags[1024];
	char allow_from[LIST_TEXT_SIZE], redeem_from[LIST_TEXT_SIZE];
};

/* STORE_NOT_FOUND: no key with this id. */
int store_redeem_key(struct store *store, const char *id, struct store_redeem *ret) MUST_CHECK;
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
