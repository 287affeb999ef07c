/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a decision about an unlock leaves in the store: its audit row, and with an allowed one what
 * the device's row learns. All but the last belong to the transaction that the decision was made
 * in.
 */
#pragma once

#include "server/core/facts.h"
#include "server/core/unlock.h"

/* The decision is no. cause is what came of asking the authorizer, if that is the reason: a yes
 * that wasn't for this is no yes. */
int unlock_rows_denied(struct core_parts *parts, const struct unlock_item *item,
		       enum authorizer_cause cause) MUST_CHECK;

/* The decision is yes: registers a new address, notes the key and a reboot. */
int unlock_rows_allowed(struct core_parts *parts, const struct unlock_item *item,
			const struct facts_reading *reading) MUST_CHECK;

/* Raises a request, or folds this one into what is pending; a row for the first, and for those who
 * repeat it. Who was held has its row already. */
int unlock_rows_pending(struct core_parts *parts, const struct unlock_item *item,
			uint64_t now_s) MUST_CHECK;

/* Allowed and committed, but an admin's change came before the answer: for this reason it stays. */
int unlock_rows_withheld(struct core_parts *parts, const struct unlock_item *item,
			 enum reason reason) MUST_CHECK;
