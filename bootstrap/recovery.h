/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recovery passphrase that we make when the customer brings none. While the disk isn't
 * encrypted yet there is no safe place for it in the clear, so it waits inside the LUKS2 header:
 * token "panocrypt-recovery",
 *
 *	{"type":"panocrypt-recovery","keyslots":[],"sealed":"<base64url of aead_seal()>"}
 *
 * sealed under the volume key and bound to the header's LUKS UUID. `verify` opens it, writes it to
 * a file for root and removes the token.
 */
#pragma once

#include "bootstrap/luks.h"

/* 8 groups of 5 characters of Crockford's base32: 200 random bits, typed without a mistake. */
#define RECOVERY_GROUPS 8
#define RECOVERY_GROUP_CHARS 5
#define RECOVERY_CHARS (RECOVERY_GROUPS * (RECOVERY_GROUP_CHARS + 1) - 1)

int recovery_generate(struct secret *ret) MUST_CHECK;

/* Seals it into the header. Not possible while the volume is being reencrypted. */
int recovery_seal(const struct luks_where *where, const struct secret *volume_key,
		  const struct secret *passphrase) MUST_CHECK;

/* -ENOENT without a sentence when there is no token (any more). */
int recovery_open(const struct luks_where *where, const struct secret *volume_key,
		  struct secret *ret) MUST_CHECK;

/* Removes the token; 0 when there is none. */
int recovery_forget(const struct luks_where *where) MUST_CHECK;

/* Writes passphrase and a newline to path, mode 0600, durably. A file that is there already and
 * holds the same is left; with other content: -EEXIST. */
int recovery_write_file(const char *path, const struct secret *passphrase) MUST_CHECK;
