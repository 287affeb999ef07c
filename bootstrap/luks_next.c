/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See luks_next.h. Adds what isn't there and removes what opens nothing any more; the change itself
 * is luks_reencrypt.c's.
 */
#include "bootstrap/luks_next.h"

#include "bootstrap/luks_json.h"
#include "bootstrap/luks_private.h"
#include "common/err.h"

/* --- making ----------------------------------------------------------------------------------- */

/* REUSE: the second slot is of the key that the first one has made known. */
static int add_slot(struct crypt_device *cd, int slot, const struct secret *key,
		    const struct secret *passphrase)
{
	return crypt_keyslot_add_by_key(
		cd, slot, (const char *)key->data, key->len, (const char *)passphrase->data,
		passphrase->len, CRYPT_VOLUME_KEY_NO_SEGMENT | CRYPT_VOLUME_KEY_DIGEST_REUSE);
}

static int fill(struct crypt_device *cd, const struct luks_next *next)
{
	int r;

	r = luks_cost_recovery(cd, next->pbkdf_memory_kib);
	if (r == 0)
		r = add_slot(cd, LUKS_NEXT_RECOVERY_SLOT, next->key, next->recovery);
	if (r >= 0)
		r = luks_cost_clevis(cd);
	if (r == 0)
		r = add_slot(cd, LUKS_NEXT_CLEVIS_SLOT, next->key, next->clevis_secret);
	if (r >= 0)
		r = luks_add_clevis_token(cd, LUKS_NEXT_CLEVIS_SLOT, next->jwe);
	if (r >= 0)
		r = crypt_keyslot_set_priority(cd, LUKS_NEXT_CLEVIS_SLOT,
					       CRYPT_SLOT_PRIORITY_PREFER);
	return r;
}

int luks_next_add(const struct luks_where *where, const struct luks_next *next)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	struct luks_status status;
	int r;

	r = luks_open(where, &cd);
	if (r < 0)
		return r;
	r = fill(cd, next);
	if (r < 0)
		return luks_fail(r, where, "making the next volume key's slots of");
	r = luks_status_of(cd, &status);
	if (r < 0)
		return r;
	if (status.slots_of[LUKS_NEXT_KEY] !=
	    (1U << LUKS_NEXT_RECOVERY_SLOT | 1U << LUKS_NEXT_CLEVIS_SLOT))
		return fail(-EUCLEAN, "%s: the next volume key has not the slots that it should",
			    where->header);
	return luks_sync(where->header);
}

/* --- opening ---------------------------------------------------------------------------------- */

int luks_both_keys(const struct luks_where *where, const struct secret *passphrase,
		   struct secret *ret_used, struct secret *ret_next)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_SECRET struct secret used = SECRET_EMPTY, next = SECRET_EMPTY;
	struct luks_status status;
	int r;

	r = luks_open_status(where, &cd, &status);
	if (r < 0)
		return r;
	r = luks_open_fail(luks_open_slots(cd, status.slots_of[0], passphrase, &used), where);
	if (r >= 0)
		r = luks_open_fail(
			luks_open_slots(cd, status.slots_of[LUKS_NEXT_KEY], passphrase, &next),
			where);
	if (r < 0)
		return r;
	*ret_used = used;
	*ret_next = next;
	used = next = SECRET_EMPTY;
	return 0;
}

/* --- tidying up ------------------------------------------------------------------------------- */

/* While their slots are still there, so that a cut leaves none without. */
static int remove_tokens(struct crypt_device *cd)
{
	for (;;) {
		CLEANUP_JSON json_t *metadata = NULL;
		struct luks_status status;
		int id = 0;
		int r = luks_metadata(cd, &metadata);

		if (r == 0)
			r = luks_json_status(metadata, &status);
		if (r < 0)
			return r;
		if (luks_json_idle_clevis(metadata, &status, &id) < 0)
			return 0;
		r = crypt_token_json_set(cd, id, NULL);
		if (r < 0)
			return r;
	}
}

int luks_next_tidy(const struct luks_where *where)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	struct luks_status status;
	int r;

	r = luks_open_status(where, &cd, &status);
	if (r < 0)
		return r;
	if (status.is_reencrypting || status.used_key != LUKS_NEXT_KEY)
		return fail(-EUCLEAN, "%s is not under its new volume key", where->header);
	r = remove_tokens(cd);
	for (int slot = 0; slot < 32 && r == 0; slot++)
		if (status.slots_of[0] >> slot & 1)
			r = crypt_keyslot_destroy(cd, slot);
	return r < 0 ? luks_fail(r, where, "removing the old volume key's slots of") : 0;
}
