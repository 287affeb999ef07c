/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making what needs core's keys: devices and enrollment keys, for admins. The admin process has
 * checked who asks and what; here only what would be dangerous is checked again.
 */
#pragma once

#include "server/core/parts.h"

#define MINT_NAME_SIZE 256
#define MINT_USES_MAX 1000000
#define MINT_EXPIRES_MAX_S (366ULL * 24 * 60 * 60)

/* Inside a transaction: gives device an id and keys, and inserts both. */
int mint_insert(struct core_parts *parts, struct store_new_device *device,
		char ret_thumbprint[static THUMBPRINT_CHARS + 1]) MUST_CHECK;

/* A name as it is stored: control characters become '?', an empty one "unnamed". */
void mint_clean_name(const char *name, char ret[static MINT_NAME_SIZE]);

/* Serve one request each; ret's head is the caller's. Negative: the store failed, nothing was made,
 * and ret says 503. */
int mint_device(struct core_parts *parts, const struct message_mint *request,
		const struct source_address *source, struct message_redeemed *ret) MUST_CHECK;
int mint_rotate(struct core_parts *parts, const struct message_rotate *request,
		const struct source_address *source, struct message_redeemed *ret) MUST_CHECK;
int mint_key(struct core_parts *parts, const struct message_mint_key *request,
	     const struct source_address *source, struct message_key_minted *ret) MUST_CHECK;
