/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The volume key's way from the boot step to the running system: root's user keyring, with a
 * timeout, never a file.
 */
#pragma once

#include "common/secret.h"

#define KEYRING_TIMEOUT_S (24 * 3600)

/* A volume may have two keys, numbered as in struct luks_status. */
#define KEYRING_KEYS 2

/* Puts a volume key of the LUKS UUID into the user keyring of uid 0; readable by uid 0 only. */
int keyring_put(const char *luks_uuid, unsigned number, const struct secret *volume_key,
		unsigned timeout_s) MUST_CHECK;

/* -ENOKEY without a sentence when it isn't there (any more). */
int keyring_get(const char *luks_uuid, unsigned number, struct secret *ret) MUST_CHECK;

/* Removes all of the volume's; 0 when there were none. */
int keyring_drop(const char *luks_uuid) MUST_CHECK;
