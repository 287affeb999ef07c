/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What would be decided for a device and an address now, rule by rule, for people. Decides by the
 * same table and rows as an unlock, but spends, raises and counts nothing.
 */
#pragma once

#include "server/core/parts.h"

/* ret's head is the caller's. Negative: the store failed, and ret says 503. */
int explain_serve(struct core_parts *parts, const struct message_explain *request, uint64_t now_ms,
		  struct message_explained *ret) MUST_CHECK;
