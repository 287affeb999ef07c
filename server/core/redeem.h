/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment: redeeming a key for a device. What makes it right is one transaction for "used",
 * "device made" and the audit row, and a nonce that lets a machine ask again when the answer got
 * lost (docs/protocol.md §2, POST /v1/enroll).
 */
#pragma once

#include "server/core/parts.h"

#define REDEEM_REPEAT_S (60 * 60)	   /* a nonce may come again for so long */
#define REDEEM_CONVERTING_S (24 * 60 * 60) /* the window of a new device */

enum redeem_outcome {
	REDEEM_NEW,
	REDEEM_REPEAT,
	REDEEM_KEY_UNKNOWN,
	REDEEM_KEY_REVOKED,
	REDEEM_SOURCE_DENIED,
	REDEEM_CLONE,
	REDEEM_KEY_EXPIRED,
	REDEEM_KEY_USED_UP,
	REDEEM_KEY_FULL,
	REDEEM_KEY_TOO_FAST,
	REDEEM_SLOW_DOWN,
	REDEEM_QUARANTINE,
	REDEEM_OUTCOME_COUNT,
};

/* What the judgement looks at, for a key whose secret was right. */
struct redeem_facts {
	uint64_t now_s;
	const struct store_redeem *key;
	const char *key_id;
	const struct store_enrolled *enrolled; /* NULL: the nonce is new */
	struct store_redeemed redeemed;	       /* by the key, so far */
	const uint8_t *fingerprint;
	const struct source_address *source;
};

/* Pure: REDEEM_NEW, REDEEM_REPEAT, or why not. -EINVAL when the key's own lists are damaged. */
int redeem_judge(const struct redeem_facts *facts, enum redeem_outcome *ret) MUST_CHECK;

/* Serves one request; ret's head is the caller's. now_ms: a clock that only rises. Negative: the
 * store failed, nobody was enrolled, and ret says 503. */
int redeem_serve(struct core_parts *parts, const struct message_redeem *request,
		 const struct source_address *source, uint64_t now_ms,
		 struct message_redeemed *ret) MUST_CHECK;
