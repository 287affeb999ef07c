/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signed advertisements, kept in memory per device and key generation: signing costs a thousand
 * times a look-up, and anybody who knows a device's URL may ask.
 */
#pragma once

#include "server/core/keys.h"

struct adverts;

int adverts_open(struct adverts **ret) MUST_CHECK;
void adverts_close(struct adverts *adverts);
DEFINE_CLEANUP(struct adverts *, adverts_close);

/* The advertisement of a device, borrowed until the next call. thumbprint: "" or that of a
 * signing key, of any generation that is kept: it then signs besides the present one.
 * STORE_NOT_FOUND: no such device or key, or the device is revoked. */
int adverts_get(struct adverts *adverts, struct keys *keys, struct store *store,
		const uint8_t device[static DEVICE_ID_BYTES], const char *thumbprint,
		const char **ret) MUST_CHECK;
