/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by luks*.c alone, the files that know libcryptsetup.
 */
#pragma once

#include "bootstrap/luks.h"

#include <libcryptsetup.h>

DEFINE_CLEANUP(struct crypt_device *, crypt_free);

/* A context without any header read, with the library's messages caught (never printed: the root
 * may be suspended). */
int luks_init(const struct luks_where *where, struct crypt_device **ret) MUST_CHECK;

/* The same with the LUKS2 header loaded; -EINVAL when there is none. */
int luks_open(const struct luks_where *where, struct crypt_device **ret) MUST_CHECK;

/* fail() with what was tried and the library's last message. */
int luks_fail(int r, const struct luks_where *where, const char *what);

/* The metadata as the library has it; the caller owns it. */
int luks_metadata(struct crypt_device *cd, json_t **ret) MUST_CHECK;

/* luks_open() and that. */
int luks_open_metadata(const struct luks_where *where, struct crypt_device **ret,
		       json_t **ret_metadata) MUST_CHECK;

/* What it says; neither is_luks2 nor uuid is set. */
int luks_status_of(struct crypt_device *cd, struct luks_status *ret) MUST_CHECK;

/* luks_open() and that, too. */
int luks_open_status(const struct luks_where *where, struct crypt_device **ret,
		     struct luks_status *ret_status) MUST_CHECK;

/* What the next slots cost: the recovery passphrase's (with a bound of its memory), Clevis's. */
int luks_cost_recovery(struct crypt_device *cd, uint64_t memory_kib) MUST_CHECK;
int luks_cost_clevis(struct crypt_device *cd) MUST_CHECK;

/* A `clevis` token for the slot. */
int luks_add_clevis_token(struct crypt_device *cd, int slot, const json_t *jwe) MUST_CHECK;

/* The key of the first of these slots (a bit each) that the passphrase opens, and the slot's
 * number; -EPERM without a sentence, others through luks_open_fail(). */
int luks_open_slots(struct crypt_device *cd, uint32_t slots, const struct secret *passphrase,
		    struct secret *ret) MUST_CHECK;
int luks_open_fail(int r, const struct luks_where *where);

/* fsync. */
int luks_sync(const char *path) MUST_CHECK;
