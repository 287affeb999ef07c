/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcryptsetup for tokens: those of our own, and the slot and `clevis` token of a binding.
 */
#include "bootstrap/luks_json.h"
#include "bootstrap/luks_private.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <stdio.h>

#define TOKEN_TYPE_CLEVIS "clevis"

static int set_token(struct crypt_device *cd, int id, const json_t *token)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	r = js_print(token, &text);
	return r < 0 ? r : crypt_token_json_set(cd, id, text);
}

int luks_token_set(const struct luks_where *where, const json_t *token)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *metadata = NULL;
	const char *type;
	json_t *old;
	int id, r;

	r = js_string(token, "type", &type);
	if (r == 0)
		r = luks_open_metadata(where, &cd, &metadata);
	if (r < 0)
		return r;
	r = luks_json_token(metadata, type, &id, &old);
	if (r == -ENOENT)
		id = CRYPT_ANY_TOKEN;
	else if (r < 0)
		return r;
	r = set_token(cd, id, token);
	return r < 0 ? luks_fail(r, where, "writing a token to") : 0;
}

int luks_token_get(const struct luks_where *where, const char *type, json_t **ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *metadata = NULL;
	json_t *token;
	int id, r;

	r = luks_open_metadata(where, &cd, &metadata);
	if (r == 0)
		r = luks_json_token(metadata, type, &id, &token);
	if (r == 0)
		*ret = json_incref(token);
	return r;
}

int luks_token_remove(const struct luks_where *where, const char *type)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *metadata = NULL;
	json_t *token;
	int id, r;

	r = luks_open_metadata(where, &cd, &metadata);
	if (r == 0)
		r = luks_json_token(metadata, type, &id, &token);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = crypt_token_json_set(cd, id, NULL);
	return r < 0 ? luks_fail(r, where, "removing a token from") : 0;
}

/* --- Clevis ----------------------------------------------------------------------------------- */

/* {"type":"clevis","keyslots":["1"],"jwe":{…}}: what `clevis luks bind` imports. */
int luks_add_clevis_token(struct crypt_device *cd, int slot, const json_t *jwe)
{
	CLEANUP_JSON json_t *token = NULL;
	char text[12];

	snprintf(text, sizeof(text), "%d", slot);
	token = json_pack("{s:s, s:[s], s:O}", "type", TOKEN_TYPE_CLEVIS, "keyslots", text, "jwe",
			  jwe);
	if (!token)
		return -ENOMEM;
	return set_token(cd, CRYPT_ANY_TOKEN, token);
}

int luks_bind_clevis(const struct luks_where *where, const struct secret *volume_key,
		     const struct secret *secret, const json_t *jwe)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int slot, r;

	r = luks_open(where, &cd);
	if (r < 0)
		return r;
	r = luks_cost_clevis(cd);
	if (r < 0)
		return luks_fail(r, where, "choosing the key derivation of");
	slot = crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT, (const char *)volume_key->data,
					       volume_key->len, (const char *)secret->data,
					       secret->len);
	if (slot < 0)
		return luks_fail(slot, where, "making the Clevis slot of");
	r = luks_add_clevis_token(cd, slot, jwe);
	if (r < 0)
		return luks_fail(r, where, "writing the Clevis token to");
	/* Tried first: otherwise each unattended unlock pays for the recovery slot's argon2. */
	r = crypt_keyslot_set_priority(cd, slot, CRYPT_SLOT_PRIORITY_PREFER);
	if (r < 0)
		return luks_fail(r, where, "preferring the Clevis slot of");
	return luks_sync(where->header);
}

int luks_clevis_jwe(const struct luks_where *where, json_t **ret_jwe, int *ret_slot)
{
	CLEANUP_JSON json_t *token = NULL;
	json_t *jwe, *keyslots;
	const char *slot_text;
	uint64_t slot = 0;
	int r;

	r = luks_token_get(where, TOKEN_TYPE_CLEVIS, &token);
	if (r < 0)
		return r;
	r = js_object(token, "jwe", &jwe);
	if (r == 0)
		r = js_array(token, "keyslots", &keyslots);
	if (r < 0)
		return fail_at(r, "the Clevis token of %s", where->header);
	slot_text = json_string_value(json_array_get(keyslots, 0));
	if (!slot_text || text_u64(slot_text, &slot) < 0 || slot > INT32_MAX)
		return fail(-EINVAL, "the Clevis token of %s names no keyslot", where->header);
	*ret_jwe = json_incref(jwe);
	*ret_slot = (int)slot;
	return 0;
}
