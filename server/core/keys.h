/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the KEK wraps: per device and generation a P-521 exchange key and an ES512 signing key,
 * sealed and bound to organization, device, generation and KEK. Also the keyed hash of enrollment
 * keys. Private numbers leave this file only into exchange.c and jwk.c.
 */
#pragma once

#include "common/enrollment_key.h"
#include "common/json.h"
#include "server/core/epoch.h"
#include "server/core/exchange.h"
#include "server/store/store_core.h"

struct keys;

/* epochs and exchange stay the caller's. */
int keys_open(const struct epochs *epochs, struct exchange *exchange, struct keys **ret) MUST_CHECK;
void keys_close(struct keys *keys);
DEFINE_CLEANUP(struct keys *, keys_close);

/* New keys of a device, sealed by the present epoch; organization and generation must be set
 * before. */
int keys_make(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
	      struct store_key *ret) MUST_CHECK;

/* Opens with the epoch that wraps them and seals with the present one. -ESTALE: that epoch isn't
 * open here; also from the two below. */
int keys_rewrap(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		struct store_key *key) MUST_CHECK;

/* The private number of a device's exchange key: P521_BYTES in locked memory, borrowed until the
 * next call. Opened numbers are kept in a bounded cache. */
int keys_exchange(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		  const struct store_key *key, const uint8_t **ret) MUST_CHECK;

/* A device's advertisement, signed by the key in it; the caller frees the text. older: also by the
 * signing key of that generation, for who trusts only that one; NULL: not. */
int keys_advertise(struct keys *keys, const uint8_t device[static DEVICE_ID_BYTES],
		   const struct store_key *key, const struct store_key *older,
		   char **ret) MUST_CHECK;

/* The keyed hash under which the store knows an enrollment key. */
int keys_hash_enrollment(struct keys *keys, const char key[static ENROLLMENT_KEY_CHARS],
			 uint8_t ret[static SECRET_HASH_BYTES]) MUST_CHECK;
