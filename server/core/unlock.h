/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serving exchanges: what is ready is decided in one transaction with its audit rows, and answered
 * only after that transaction is on the disk.
 */
#pragma once

#include "server/core/decide.h"
#include "server/core/parts.h"

#define UNLOCK_BATCH_MAX 64

/* What asking the external authorizer has come to, for one item and one time that it is served. */
struct unlock_consulted {
	enum authorizer_cause cause; /* AUTHORIZER_NOT_ASKED: it hasn't been asked */
	enum reason reason;	     /* what it was asked about */
	uint8_t id[AUTHORIZER_ID_BYTES];
	uint8_t version[AUTHORIZER_VERSION_BYTES]; /* of the setting that it was asked by */
	uint64_t asked_ms, expires_s;
};

struct unlock_item {
	/* in */
	struct message_exchange request;
	struct source_address source;
	size_t port;	 /* the caller's, for its answer */
	uint64_t now_ms; /* a clock that only rises */
	bool was_held;	 /* it has waited for people, until until_ms at most */
	bool is_last;	 /* if people are still to decide, it is answered all the same */
	uint64_t until_ms;
	struct unlock_consulted consulted;
	/* in between */
	struct exchange_point point;
	bool is_malformed;
	struct decision decision; /* its waiver is NULL: see below */
	struct waiver waiver;	  /* the one that was spent, before */
	bool has_waiver;
	struct store_key key;
	uint8_t organization[ORGANIZATION_ID_BYTES];
	/* out */
	bool is_held;	   /* no answer yet: serve it again when people have decided */
	bool must_consult; /* no answer yet: serve it again with what the authorizer says */
	struct message_exchanged answer; /* head's connection and request are filled in */
};

/* Serves count items, at most UNLOCK_BATCH_MAX, and calls reply for each, once, also for those that
 * are held or must consult. Negative: the store failed; the items were answered with 503, and
 * nothing was given out. */
int unlock_serve(struct core_parts *parts, struct unlock_item *items, size_t count,
		 void (*reply)(const struct unlock_item *item, void *userdata),
		 void *userdata) MUST_CHECK;

/* Would it be held again? Only looks, outside of a transaction. */
int unlock_is_pending(struct core_parts *parts, const struct unlock_item *item,
		      bool *ret) MUST_CHECK;
