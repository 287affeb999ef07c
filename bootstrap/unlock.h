/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening through the server with the distribution's own `clevis decrypt`: in the boot step and in
 * the running system.
 */
#pragma once

#include "bootstrap/luks.h"

/* The Clevis secret of the volume's token. -EACCES when the server denied or couldn't be reached
 * (clevis doesn't say which), with its words. timeout_s bounds the whole attempt. */
int unlock_clevis(const struct luks_where *where, unsigned timeout_s,
		  struct secret *ret) MUST_CHECK;

/* The volume key of a converting root: from the keyring, else through Clevis. where: the real
 * device. */
int unlock_volume_key(const char *luks_uuid, const struct luks_where *where,
		      struct secret *ret) MUST_CHECK;
