/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A waiver: a permission that is spent by replies and lifts the rules that it names
 * (docs/server-states.md). Plain data and its words, for store, core and admin.
 */
#pragma once

#include "server/message.h"

#define WAIVER_ID_BYTES 16

/* What a waiver names; bits, as the store keeps them. Nothing else can be waived. */
enum waived {
	WAIVES_DISABLED = 1,
	WAIVES_ABSENCE = 2,
	WAIVES_APPROVAL = 4,
	WAIVES_SOURCE = 8, /* only where "any address" was typed */
	WAIVES_QUARANTINE = 16,
};

#define WAIVES_POLICY (WAIVES_DISABLED | WAIVES_ABSENCE | WAIVES_QUARANTINE | WAIVES_APPROVAL)
#define WAIVES_ALL (WAIVES_POLICY | WAIVES_SOURCE)

#define WAIVER_REPLIES 3 /* a boot: Clevis asks again with a fresh key when a reply got lost */
#define WAIVER_WINDOW_S 120

/* A boot begins with its first reply and lasts window_s for that address alone. */
struct waiver {
	uint8_t id[WAIVER_ID_BYTES];
	unsigned waives;
	bool has_source; /* for this address only */
	struct source_address source;
	uint64_t expires_s; /* no boot begins from here on */
	uint64_t boots_left, replies_per_boot, window_s;
	/* The boot that has begun last. */
	uint64_t window_until_s; /* 0: none has begun */
	struct source_address window_source;
	uint64_t window_replies_left;
	bool is_spent; /* by the unlock that is being looked at again: it has its reply already */
};

/* "disabled", … for one bit; NULL for others. */
const char *waived_name(unsigned bit);

/* 0: no such word. */
unsigned waived_of(const char *name);
