/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the key-encryption key (KEK) comes from: a table of providers, chosen by "kek" in
 * config.json. Each has places: the present key, the next one while keys are rewrapped, and old
 * ones that were kept. Which of them is the store's is epoch.c's to know.
 *
 *	file			DIR/kek: 32 bytes
 *	credential:NAME		$CREDENTIALS_DIRECTORY/NAME, from systemd: 32 bytes
 *	pkcs11:URI		DIR/kek: sealed by a key of the token (docs/kek.md)
 */
#pragma once

#include "common/secret.h"
#include "server/config.h"

#define KEK_BYTES 32
#define KEK_ID_CHARS 32

enum kek_place { KEK_PRESENT, KEK_NEXT, KEK_OLD };

/* Does the provider know this text? -EINVAL with a sentence. For init. */
int kek_check_setting(const char *setting) MUST_CHECK;

/* Reads the key of a place; id is for KEK_OLD. -ENOENT (with a sentence): nothing is there. */
int kek_read(const struct server_config *config, enum kek_place place, const char *id,
	     struct secret *ret) MUST_CHECK;

/* Makes a new key at KEK_PRESENT (init) or KEK_NEXT (rotation) and returns it. -EEXIST: there is
 * one. A provider that can't write reads what the operator has put there. */
int kek_make(const struct server_config *config, enum kek_place place,
	     struct secret *ret) MUST_CHECK;

/* Puts a key that is known already (from a portable copy) at KEK_PRESENT. */
int kek_put(const struct server_config *config, const struct secret *kek) MUST_CHECK;

/* KEK_PRESENT becomes KEK_OLD of this id, KEK_NEXT becomes KEK_PRESENT. May be cut and run again.
 */
int kek_promote(const struct server_config *config, const char *old_id) MUST_CHECK;

/* Destroys KEK_OLD of this id: overwritten and removed; what sealed it is destroyed too. A missing
 * one is 0. */
int kek_destroy(const struct server_config *config, const char *old_id) MUST_CHECK;

/* The id of a key; tells nothing about it. */
int kek_id(const struct secret *kek, char ret[static KEK_ID_CHARS + 1]) MUST_CHECK;
