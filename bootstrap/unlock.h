/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening through the server with the distribution's own `clevis decrypt`: in the boot step and in
 * the running system. And what is kept of it until it is needed.
 */
#pragma once

#include "bootstrap/luks.h"

/* The Clevis secret of the volume's token. -EACCES when the server denied or couldn't be reached
 * (clevis doesn't say which), with its words. timeout_s bounds the whole attempt. */
int unlock_clevis(const struct luks_where *where, unsigned timeout_s,
		  struct secret *ret) MUST_CHECK;

/* The volume key that the data of a converting root is under: from the keyring, else through
 * Clevis. where: the real device. */
int unlock_volume_key(const char *luks_uuid, const struct luks_where *where,
		      struct secret *ret) MUST_CHECK;

/* That and the next one (luks_next.h), the same way. */
int unlock_both_keys(const char *luks_uuid, const struct luks_where *where, struct secret *ret_used,
		     struct secret *ret_next) MUST_CHECK;

/* Keeps in the keyring what the running system will need: the key that the data is under, and the
 * next one where the disk is about to change to it. -EPERM without a sentence when the passphrase
 * doesn't open them. */
int unlock_keep(const char *luks_uuid, const struct luks_where *where,
		const struct secret *passphrase) MUST_CHECK;
