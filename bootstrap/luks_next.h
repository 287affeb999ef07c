/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume key that the disk changes to with --rotate-after. Its slots are made with the header,
 * when both passphrases are at hand: slot 2 by the recovery passphrase, slot 3 by Clevis's secret,
 * with a `clevis` token of its own. Until the change they open nothing that is on the disk, and the
 * key itself is nowhere else. Clevis's scripts find a slot only where it is the first of its token;
 * hence two.
 */
#pragma once

#include "bootstrap/luks.h"

#define LUKS_NEXT_KEY 1 /* its number, as in struct luks_status */
#define LUKS_NEXT_RECOVERY_SLOT 2
#define LUKS_NEXT_CLEVIS_SLOT 3

struct luks_next {
	const struct secret *key;
	const struct secret *recovery, *clevis_secret;
	const json_t *jwe;	   /* of clevis_secret */
	uint64_t pbkdf_memory_kib; /* as for the first recovery slot */
};

/* Adds both slots and the token to a header that has none of the three. */
int luks_next_add(const struct luks_where *where, const struct luks_next *next) MUST_CHECK;

/* Both keys by one passphrase. -EPERM without a sentence when it doesn't open both. */
int luks_both_keys(const struct luks_where *where, const struct secret *passphrase,
		   struct secret *ret_used, struct secret *ret_next) MUST_CHECK;

/* Behind the change: the old key's slots and their token go; may run twice. */
int luks_next_tidy(const struct luks_where *where) MUST_CHECK;
