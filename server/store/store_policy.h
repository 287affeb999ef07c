/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of the store that people change the policy of unlocks with: waivers, network lists, a
 * device's policy, approvals. The rules of store.h hold.
 */
#pragma once

#include "server/store/store.h"
#include "server/waiver.h"

/* --- waivers --------------------------------------------------------------------------------- */

/* Live ones of a device for one source; more are refused. */
#define STORE_WAIVERS_MAX 16

struct store_new_waiver {
	unsigned waives;		     /* bits of enum waived */
	const struct source_address *source; /* NULL: wherever the device may ask from */
	uint64_t boots, replies_per_boot, window_s, expires_in_s;
	const char *comment;
};

struct store_waiver {
	uint8_t id[WAIVER_ID_BYTES];
	uint8_t device[DEVICE_ID_BYTES];
	const char *kind;  /* "allow-once", "approval" */
	const char *state; /* "usable", "used-up", "expired", "cancelled", "proposed" */
	unsigned waives;
	const char *source; /* address text, "" for any */
	uint64_t boots, boots_left, replies_per_boot, window_s;
	uint64_t replies; /* given so far */
	const char *comment, *created_by;
	uint64_t created_s, expires_s;
};

typedef int (*store_waiver_each)(const struct store_waiver *row, void *userdata);

/* Allows a device to unlock although a rule says no. STORE_NOT_FOUND: no such device;
 * STORE_CONFLICT: it is revoked, or has too many live waivers. */
int store_allow_once(struct store *store, const struct store_by *by,
		     const uint8_t device[static DEVICE_ID_BYTES],
		     const struct store_new_waiver *waiver,
		     uint8_t ret_id[static WAIVER_ID_BYTES]) MUST_CHECK;

/* Newest first. device NULL: of all. */
int store_waivers(struct store *store, const uint8_t organization[static 16], const uint8_t *device,
		  store_waiver_each each, void *userdata) MUST_CHECK;
/* One; STORE_NOT_FOUND. */
int store_waiver(struct store *store, const uint8_t organization[static 16],
		 const uint8_t id[static WAIVER_ID_BYTES], store_waiver_each each,
		 void *userdata) MUST_CHECK;
/* Cancelling twice is 0. When it has returned, no reply leaves by this waiver. STORE_NOT_FOUND. */
int store_waiver_cancel(struct store *store, const struct store_by *by,
			const uint8_t id[static WAIVER_ID_BYTES]) MUST_CHECK;

/* --- network lists --------------------------------------------------------------------------- */

struct store_network {
	const char *name;
	const char *ranges; /* JSON array text of CIDRs */
	const char *description, *created_by;
	uint64_t created_s, changed_s;
};

typedef int (*store_network_each)(const struct store_network *row, void *userdata);

/* By name. */
int store_networks(struct store *store, const uint8_t organization[static 16],
		   store_network_each each, void *userdata) MUST_CHECK;
/* One; STORE_NOT_FOUND. */
int store_network(struct store *store, const uint8_t organization[static 16], const char *name,
		  store_network_each each, void *userdata) MUST_CHECK;
/* STORE_CONFLICT: the name is taken. */
int store_network_create(struct store *store, const struct store_by *by, const char *name,
			 const char *ranges, const char *description) MUST_CHECK;
/* What is NULL stays. The devices that name it decide by it from now on. STORE_NOT_FOUND. */
int store_network_change(struct store *store, const struct store_by *by, const char *name,
			 const char *ranges, const char *description) MUST_CHECK;
/* STORE_NOT_FOUND; STORE_CONFLICT: a device or an enrollment key names it. */
int store_network_delete(struct store *store, const struct store_by *by,
			 const char *name) MUST_CHECK;

/* --- a device's policy ----------------------------------------------------------------------- */

/* A further outcome of what names network lists. */
enum { STORE_NO_LIST = 3 };

/* What is NULL, or not given, stays. Texts have been checked by the caller. */
struct store_device_policy {
	const char *name, *environment, *workload;
	const char *tags;	/* JSON array text */
	const char *allow_from; /* JSON array text of CIDRs */
	const char *networks;	/* JSON array text: names of network lists */
	const char *approval;	/* "none", "active", "always" */
	const char *reboots;	/* "any", "announced" */
	/* Ranges one by one: of allow_from, or, for a device where people have named no source, of
	 * the registered addresses. */
	const struct cidr_list *add_from, *remove_from;
	const uint64_t *absence_s;
	const bool *absence_denies;
};

/* STORE_NOT_FOUND; STORE_CONFLICT: it is revoked, or would have too many ranges; STORE_NO_LIST. */
int store_device_set(struct store *store, const struct store_by *by,
		     const uint8_t id[static DEVICE_ID_BYTES],
		     const struct store_device_policy *policy) MUST_CHECK;

/* --- approval groups -------------------------------------------------------------------------- */

#define STORE_QUORUM_MAX 16

struct store_group {
	const char *name;
	const char *tags;      /* JSON array text: devices with one of these are under it */
	const char *approvers; /* JSON array text of members' names; "[]": whoever has the role */
	uint64_t quorum;
	uint64_t change_delay_s; /* store_new_group */
	const char *created_by;
	uint64_t created_s, changed_s;
};

typedef int (*store_group_each)(const struct store_group *row, void *userdata);

/* By name. */
int store_groups(struct store *store, const uint8_t organization[static 16], store_group_each each,
		 void *userdata) MUST_CHECK;
int store_group(struct store *store, const uint8_t organization[static 16], const char *name,
		store_group_each each, void *userdata) MUST_CHECK;

struct store_new_group {
	const char *name, *approvers;
	const char *tags;	      /* JSON array text, and the same as texts: */
	const char *const *tag_texts; /* without quote, comma and backslash */
	size_t tag_count;
	uint64_t quorum;
	uint64_t change_delay_s; /* so long after a proposal, time stands for its yes; 0: never */
};

/* STORE_CONFLICT: the name is taken. Ends the pending requests of the organization: they are raised
 * again under the new rules. */
int store_group_create(struct store *store, const struct store_by *by,
		       const struct store_new_group *group) MUST_CHECK;
/* Replaces all but the name. STORE_NOT_FOUND. */
int store_group_change(struct store *store, const struct store_by *by,
		       const struct store_new_group *group) MUST_CHECK;
int store_group_delete(struct store *store, const struct store_by *by, const char *name) MUST_CHECK;

/* --- the external authorizer ------------------------------------------------------------------ */

#define AUTHORIZER_VERSION_BYTES 16
#define AUTHORIZER_CURVE_SIZE 8
#define AUTHORIZER_COORDINATE_SIZE 92 /* of P-521, in base64url */

/* Who is asked before each unlock of an organization. */
struct store_authorizer {
	uint8_t version[AUTHORIZER_VERSION_BYTES]; /* another one with each setting */
	char url[MESSAGE_URL_SIZE];
	char ca[MESSAGE_CA_SIZE]; /* PEM; "": the system's bundle */
	/* The public key of its answers: "P-256", "P-384", "P-521", and two base64url texts. */
	char curve[AUTHORIZER_CURVE_SIZE];
	char x[AUTHORIZER_COORDINATE_SIZE], y[AUTHORIZER_COORDINATE_SIZE];
	char created_by[128];
	uint64_t created_s;
};

/* STORE_NOT_FOUND: the organization has none. */
int store_authorizer(struct store *store, const uint8_t organization[static 16],
		     struct store_authorizer *ret) MUST_CHECK;
/* Replaces what there was; version, created_by and created_s are given by the store. detail: for
 * the audit. STORE_NEEDS_QUORUM (store_proposals.h): there was one. */
int store_authorizer_set(struct store *store, const struct store_by *by,
			 const struct store_authorizer *authorizer, const char *detail) MUST_CHECK;
/* STORE_NOT_FOUND, STORE_NEEDS_QUORUM. */
int store_authorizer_remove(struct store *store, const struct store_by *by) MUST_CHECK;

/* --- approvals ------------------------------------------------------------------------------- */

#define STORE_APPROVAL_STALE_S (15 * 60)   /* not asked for so long: nobody waits any more */
#define STORE_APPROVAL_VALID_S (15 * 60)   /* what was approved begins within this time */
#define STORE_APPROVAL_REFUSED_S (60 * 60) /* a no holds so long for its device and address */

struct store_approval {
	uint8_t id[16];
	uint8_t device[DEVICE_ID_BYTES];
	uint8_t waiver[WAIVER_ID_BYTES]; /* zeros: none (yet) */
	const char *device_name;
	const char *kind;   /* "unlock", "waiver" */
	const char *source; /* address text; "" for waivers */
	const char *reason; /* "approval", "absence", "quarantine", "allow-once" */
	const char *state;  /* "pending", "approved", "denied", "ended" */
	const char *created_by, *decided_by, *detail;
	uint64_t created_s, last_s, asked, deferred_until_s, decided_s;
	uint64_t votes;
	uint64_t quorum;	  /* the largest of its groups */
	uint64_t other_addresses; /* from which the device asks at the same time */
};

typedef int (*store_approval_each)(const struct store_approval *row, void *userdata);

/* Newest first. pending_only leaves out what is decided or over. */
int store_approvals(struct store *store, const uint8_t organization[static 16], bool pending_only,
		    store_approval_each each, void *userdata) MUST_CHECK;
int store_approval(struct store *store, const uint8_t organization[static 16],
		   const uint8_t id[static 16], store_approval_each each,
		   void *userdata) MUST_CHECK;

enum store_vote { VOTE_APPROVE, VOTE_DENY, VOTE_DEFER };

/* A further outcome: who decides isn't one of the approvers, or has asked for it themselves. */
enum { STORE_NOT_APPROVER = 4 };

/* One person's word. Approves once every group that the device is under has its quorum. defer_s
 * only for VOTE_DEFER. STORE_NOT_FOUND; STORE_CONFLICT: it isn't pending any more;
 * STORE_NOT_APPROVER. */
int store_approval_vote(struct store *store, const struct store_by *by, const uint8_t id[static 16],
			enum store_vote vote, uint64_t defer_s) MUST_CHECK;
