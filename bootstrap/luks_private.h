/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by luks.c and luks_reencrypt.c alone, the two files that know libcryptsetup.
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
