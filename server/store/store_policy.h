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
