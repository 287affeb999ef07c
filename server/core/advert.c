/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A direct-mapped cache in front of keys_advertise(). The store is asked every time, so that a
 * revoked device stops at once; only the signature is kept.
 */
#include "server/core/advert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define SLOTS 256

struct slot {
	uint8_t device[DEVICE_ID_BYTES];
	uint64_t generation;
	uint64_t older; /* the generation that has signed it besides; 0: none */
	char *text;	/* NULL: empty */
};

struct adverts {
	struct slot slots[SLOTS];
};

int adverts_open(struct adverts **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void adverts_close(struct adverts *adverts)
{
	for (size_t i = 0; i < SLOTS; i++)
		free(adverts->slots[i].text);
	free(adverts);
}

/* The generation whose signing key is asked for, when it isn't the present one. */
static int find_older(struct store *store, const uint8_t *device, const char *thumbprint,
		      const struct store_key *key, struct store_key *ret, bool *ret_is_older)
{
	*ret_is_older = thumbprint[0] && strcmp(thumbprint, key->signing_thumbprint) != 0;
	return *ret_is_older ? store_key_by_signer(store, device, thumbprint, ret) : 0;
}

static bool is_in(const struct slot *slot, const uint8_t *device, const struct store_key *key,
		  uint64_t older)
{
	return slot->text && slot->generation == key->generation && slot->older == older &&
	       memcmp(slot->device, device, sizeof(slot->device)) == 0;
}

int adverts_get(struct adverts *adverts, struct keys *keys, struct store *store,
		const uint8_t device[static DEVICE_ID_BYTES], const char *thumbprint,
		const char **ret)
{
	struct slot *slot = &adverts->slots[device[0] % SLOTS];
	struct store_unlock unlock;
	struct store_key key, older = { .generation = 0 };
	bool is_older;
	char *text;
	int r;

	r = store_unlock(store, device, &unlock);
	if (r == 0)
		r = unlock.revoked_s > 0 ? STORE_NOT_FOUND : store_key(store, device, NULL, &key);
	if (r == 0)
		r = find_older(store, device, thumbprint, &key, &older, &is_older);
	if (r != 0)
		return r;
	if (!is_in(slot, device, &key, older.generation)) {
		r = keys_advertise(keys, device, &key, is_older ? &older : NULL, &text);
		if (r < 0)
			return r;
		free(slot->text);
		*slot = (struct slot){ .generation = key.generation,
				       .older = older.generation,
				       .text = text };
		memcpy(slot->device, device, sizeof(slot->device));
	}
	*ret = slot->text;
	return 0;
}
