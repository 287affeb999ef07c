/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server remembers, as calls. This header is for every process that may have the store
 * (core, admin, init); store_core.h has what only core may call. Rules:
 *
 *	- Each call takes the organization it acts for; rows of another one are "not found".
 *	- Each changing call is one transaction that also writes its audit row.
 *	- Times are seconds since the epoch by the database's clock.
 *	- Rows are handed to a callback; texts in them live during the call only. A non-zero return
 *	  of the callback stops the walk and is returned.
 *	- -EBUSY: another process holds the store too long, or its database can't be reached or
 *	  doesn't answer: try again; -ENOSPC: the disk is full; -EIO: damaged or unreadable. Each
 * with a sentence.
 */
#pragma once

#include "common/cleanup.h"
#include "server/cidr.h"
#include "server/message.h"
#include "server/process.h"

#define ORGANIZATION_ID_BYTES 16
#define TOKEN_TEXT_SIZE 44 /* 256 bits in base64url, 43 characters, and the zero */
#define ENROLLMENT_ID_SIZE 5
#define STORE_LIST_MAX 1000

struct store;

/* Outcomes besides 0. */
enum { STORE_NOT_FOUND = 1, STORE_CONFLICT = 2 };

/* place: a path, or the URL of a PostgreSQL database. writer: the name of this process's audit
 * lanes (config_writer() makes it of "core", "admin", "init"); nobody else may have it at the same
 * time. The store must exist; brings its schema up to date. Not for use by two threads. */
int store_open(const char *place, const char *writer, struct store **ret) MUST_CHECK;

/* Makes a new, empty store; -EEXIST when there is one. */
int store_create(const char *place, const char *writer, struct store **ret) MUST_CHECK;

/* For process_sandbox(). */
enum process_reach store_reach(const struct store *store);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close);

/* Can it be written? For /healthz: 0, or negative with a sentence. Takes no lock for long. */
int store_check(struct store *store) MUST_CHECK;

/* Who does it: goes into the audit row. */
struct store_by {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	const char *actor;		     /* user name, "" for the system */
	const struct source_address *source; /* NULL: local */
	const uint8_t *proposal;	     /* 16 bytes: what a quorum has agreed to; NULL */
};

/* --- people ---------------------------------------------------------------------------------- */

enum store_role { ROLE_AUDITOR, ROLE_APPROVER, ROLE_ADMIN, ROLE_OWNER, ROLE_COUNT };

const char *store_role_name(enum store_role role);

struct store_user {
	uint8_t organization[ORGANIZATION_ID_BYTES];
	char organization_name[128];
	char name[128];
	enum store_role role;
};

/* Whose API token is this? STORE_NOT_FOUND: nobody's, or expired or revoked. */
int store_token_user(struct store *store, const char *token, struct store_user *ret) MUST_CHECK;

/* A new API token of a user; the text is told once and stored hashed.
 * STORE_NOT_FOUND: no such user. */
int store_token_create(struct store *store, const struct store_by *by, const char *user,
		       uint64_t expires_in_s, char ret[static TOKEN_TEXT_SIZE]) MUST_CHECK;

/* A new organization with its owner. STORE_CONFLICT: the name is taken. */
int store_organization_create(struct store *store, const char *name, const char *owner,
			      uint8_t ret[static ORGANIZATION_ID_BYTES]) MUST_CHECK;

/* --- enrollment keys (created by core: MESSAGE_MINT_KEY) ------------------------------------- */

struct store_enrollment_key {
	const char *id; /* the first 4 characters of the key */
	const char *description;
	const char *tags;	 /* JSON array text */
	const char *allow_from;	 /* JSON array text of CIDRs */
	const char *redeem_from; /* the same */
	const char *created_by;
	uint64_t max_uses, uses;
	uint64_t created_s, expires_s;
	uint64_t revoked_s;	/* 0: not revoked */
	uint64_t compromised_s; /* 0: not marked so */
	bool expired;		/* by the database's clock */
	/* What its devices begin with. hold: held, until people have looked. */
	const char *networks, *approval, *environment, *workload;
	uint64_t absence_s;
	uint64_t rate_per_hour, live_max; /* 0: no limit */
	bool hold, ephemeral;
};

typedef int (*store_enrollment_key_each)(const struct store_enrollment_key *row, void *userdata);

/* Newest first. */
int store_enrollment_keys(struct store *store, const uint8_t organization[static 16],
			  store_enrollment_key_each each, void *userdata) MUST_CHECK;
/* One; STORE_NOT_FOUND. */
int store_enrollment_key(struct store *store, const uint8_t organization[static 16], const char *id,
			 store_enrollment_key_each each, void *userdata) MUST_CHECK;
/* Revoking twice is 0. Devices made by the key are left alone. STORE_NOT_FOUND. */
int store_enrollment_key_revoke(struct store *store, const struct store_by *by,
				const char *id) MUST_CHECK;

/* Revokes it, and holds its devices that were made at since_s or later until each is released. Once
 * more holds again. *ret_held: how many are held now that weren't. STORE_NOT_FOUND. */
int store_enrollment_key_compromise(struct store *store, const struct store_by *by, const char *id,
				    uint64_t since_s, uint64_t *ret_held) MUST_CHECK;

/* --- devices (created by core: MESSAGE_REDEEM, MESSAGE_MINT) --------------------------------- */

/* Destroying removes the wrapped keys; it comes after revoking. */
enum store_device_change {
	DEVICE_DISABLE,
	DEVICE_ENABLE,
	DEVICE_REVOKE,
	DEVICE_RELEASE,
	DEVICE_DESTROY,
	DEVICE_DROP_OLD_KEYS
};

/* Figures of a phase under way; 0 where not known. */
struct store_figures {
	uint64_t done_bytes, total_bytes, bytes_per_s, eta_s;
};

struct store_device {
	uint8_t id[DEVICE_ID_BYTES];
	const char *name;
	const char *state;		  /* docs/server-states.md */
	const char *tags;		  /* JSON array text */
	const char *allow_from;		  /* JSON array text */
	const char *registered_addresses; /* JSON array text */
	const char *networks;		  /* JSON array text: names of network lists */
	const char *approval;		  /* "none", "active", "always" */
	const char *held;		  /* "", "new", "compromised": people must release it */
	const char *environment, *workload;
	uint64_t absence_s; /* 0: may stay away for ever */
	uint64_t absent_s;  /* since or from when it is away for too long; 0: never */
	uint64_t now_s;	    /* when all this was read */
	bool absence_denies, ephemeral;
	const char *reboots;			/* "any", "announced" */
	uint64_t reboot_from_s, reboot_until_s; /* announced last; 0: never */
	uint64_t surprised_s;			/* last unlock that nobody expected; 0: never */
	const char *platform;			/* JSON text, claimed by the machine; "" if none */
	const char *enrollment_key;		/* id; "" when made by an admin */
	const char *thumbprint;			/* S256 of the signing key */
	const char *exchange_thumbprint;
	uint64_t created_s, last_seen_s; /* last_seen_s 0: never */
	uint64_t converting_until_s;	 /* 0: not converting */
	const char *phase, *phase_state; /* "" before the first report */
	double percent;
	struct store_figures figures;
	const char *waiting; /* "", "key", "resume" */
	uint64_t boot;
	const char *message;
	uint64_t progress_s;
	const char *evidence; /* JSON object text, claimed by the machine; "" if none */
	bool native_boot_seen;
	uint64_t old_keys;	 /* generations besides the present one */
	uint64_t old_key_used_s; /* when one of them was last used; 0: never */
	uint64_t destroyed_s;	 /* 0: not destroyed */
	uint64_t final_s;	 /* since when no backup can bring it back; 0: not yet */
};

typedef int (*store_device_each)(const struct store_device *row, void *userdata);

/* Newest first, at most STORE_LIST_MAX; evidence is "" in lists. */
int store_devices(struct store *store, const uint8_t organization[static 16],
		  store_device_each each, void *userdata) MUST_CHECK;
int store_device(struct store *store, const uint8_t organization[static 16],
		 const uint8_t id[static DEVICE_ID_BYTES], store_device_each each,
		 void *userdata) MUST_CHECK;
/* STORE_NOT_FOUND; STORE_CONFLICT: the state forbids it (table in docs/server-states.md). When it
 * has returned 0, no reply leaves for a device that may not have one. */
int store_device_change(struct store *store, const struct store_by *by,
			const uint8_t id[static DEVICE_ID_BYTES],
			enum store_device_change change) MUST_CHECK;

/* Unlocks in [now + in_s, now + in_s + for_s) are no surprise. Takes the place of what was
 * announced before. STORE_NOT_FOUND; STORE_CONFLICT: it is revoked. */
int store_device_expect(struct store *store, const struct store_by *by,
			const uint8_t id[static DEVICE_ID_BYTES], uint64_t in_s,
			uint64_t for_s) MUST_CHECK;

/* --- what a converting device reports of itself, by its report token ------------------------- */

struct store_progress {
	const char *phase;
	const char *state; /* "running", "done", "failed", "refused" */
	const char *message;
	const char *waiting; /* for what it stands still; "" */
	double percent;
	struct store_figures figures;
	uint64_t boot;
};

/* STORE_NOT_FOUND: no such token, or its time is over. "leave"/"done" ends the token and makes the
 * device active. Texts are stored as given: the caller has checked their lengths. */
int store_progress(struct store *store, const char *report_token,
		   const struct store_progress *progress,
		   const struct source_address *source) MUST_CHECK;
/* Replaces the evidence (JSON object text, at most 32 KiB, checked by the caller). */
int store_evidence(struct store *store, const char *report_token, const char *evidence,
		   const struct source_address *source) MUST_CHECK;

/* --- the server's own state ------------------------------------------------------------------ */

struct store_status {
	char kek[33]; /* the present epoch's id */
	uint64_t kek_since_s;
	uint64_t kek_copied_s, kek_copy_opened_s; /* its portable copy; 0: never */
	bool kek_rotating;			  /* a rotation isn't finished */
	uint64_t kek_kept;			  /* old epochs that aren't destroyed */
	uint64_t checkpoint, checkpoint_s;	  /* the audit's newest; 0: none */
	bool checkpoint_late;
	uint64_t quarantine_s; /* since when; 0: not */
};

int store_status(struct store *store, struct store_status *ret) MUST_CHECK;

/* --- audit ----------------------------------------------------------------------------------- */

struct store_event {
	uint64_t seq; /* rising over all lanes; with gaps */
	uint64_t time_s;
	const char *writer;
	const char *event;  /* "unlock-allowed", "unlock-denied", "enrolled", … */
	const char *device; /* hex, "" if none */
	const char *source; /* address text, "" if none */
	const char *reason;
	const char *actor;
	const char *detail; /* free text */
	uint64_t count;	    /* how many alike this row stands for; 1 for most */
};

typedef int (*store_event_each)(const struct store_event *row, void *userdata);

/* after_seq 0: the newest limit rows, newest first; else those after it, oldest first. */
int store_audit(struct store *store, const uint8_t organization[static 16], uint64_t after_seq,
		size_t limit, store_event_each each, void *userdata) MUST_CHECK;

/* Denied unlocks and enrollments, newest first. from and device may be NULL: any.
 * reason_advice(row->reason) in server/reason.h has the sentence for people. */
int store_denials(struct store *store, const uint8_t organization[static 16],
		  const struct source_address *from, const uint8_t *device, size_t limit,
		  store_event_each each, void *userdata) MUST_CHECK;

/* What an audit row says. NULL texts are "". */
struct store_audit_entry {
	const char *event, *source, *reason, *actor, *detail;
	const uint8_t *device; /* NULL: none */
	uint64_t count;	       /* 0 counts as 1 */
};

/* An audit row by itself, for actions that change nothing else (a refused login, …). */
int store_audit_note(struct store *store, const uint8_t organization[static 16],
		     const struct store_audit_entry *entry) MUST_CHECK;

/* Recomputes the hash chain of every lane from where it begins (after pruning: store_audit_base()
 * in store_core.h). 0: whole; STORE_CONFLICT: broken, with a sentence that names the lane and row.
 */
int store_audit_verify(struct store *store) MUST_CHECK;

/* A row with what proves it, for the export. */
struct store_audit_row {
	struct store_event event;
	const uint8_t *organization, *hash; /* 16 and 32 bytes */
	uint64_t lane_seq;
};

typedef int (*store_audit_row_each)(const struct store_audit_row *row, void *userdata);

/* Every row of every organization behind after_seq, oldest first. For the operator's commands; not
 * for the API. */
int store_audit_export(struct store *store, uint64_t after_seq, store_audit_row_each each,
		       void *userdata) MUST_CHECK;
