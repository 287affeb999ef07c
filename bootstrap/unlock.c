/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The distribution's `clevis decrypt` as a child process, and the order in which a volume key is
 * looked for. Holds secrets; writes nothing.
 */
#include "bootstrap/unlock.h"

#include "bootstrap/keyring.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/our_files.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#define SECRET_MAX_BYTES 512

/* The message of a failed child, kept while fail() makes a new one. */
static int fail_denied(void)
{
	CLEANUP_FREE char *words = NULL;
	int r;

	r = text_format(&words, "%s", fail_text());
	if (r < 0)
		return r;
	return fail(
		-EACCES,
		"the server did not unlock (denied, or not reachable): %s. `panocryptctl denials` "
		"on the server's side says why",
		words);
}

/* A server with its own CA: in the running system clevis's curl finds it here; the initramfs has it
 * as its bundle. */
static const char *const ca_env[] = { "CURL_CA_BUNDLE=" OUR_CA_FILE, NULL };

int unlock_clevis(const struct luks_where *where, unsigned timeout_s, struct secret *ret)
{
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_FREE char *compact = NULL;
	int slot, r;

	r = luks_clevis_jwe(where, &jwe, &slot);
	if (r == -ENOENT)
		return fail(r, "%s has no Clevis token", where->header);
	if (r == 0)
		r = jwk_compact(jwe, &compact);
	if (r < 0)
		return r;
	/* No newline behind the JWE: with one, clevis prints the secret and fails all the same. */
	r = spawn_secret(&(struct spawn){ .argv = { "clevis", "decrypt", NULL },
					  .extra_env = file_exists(OUR_CA_FILE) ? ca_env : NULL,
					  .input_text = compact,
					  .timeout_s = timeout_s,
					  .output_max_bytes = SECRET_MAX_BYTES },
			 ret);
	return r < 0 ? fail_denied() : 0;
}

#define CLEVIS_TIMEOUT_S 120

static int fail_opens_nothing(int r, const struct luks_where *where)
{
	if (r != -EPERM)
		return r;
	return fail(r, "the secret that the server gave opens no keyslot of %s", where->header);
}

int unlock_volume_key(const char *luks_uuid, const struct luks_where *where, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	struct luks_status status;
	int r;

	r = luks_look(where, &status);
	if (r == 0)
		r = keyring_get(luks_uuid, status.used_key, ret);
	if (r != -ENOKEY)
		return r;
	r = unlock_clevis(where, CLEVIS_TIMEOUT_S, &secret);
	return r < 0 ? r : fail_opens_nothing(luks_volume_key(where, &secret, ret), where);
}

static int both_kept(const char *luks_uuid, struct secret *ret_used, struct secret *ret_next)
{
	CLEANUP_SECRET struct secret used = SECRET_EMPTY;
	int r;

	r = keyring_get(luks_uuid, 0, &used);
	if (r == 0)
		r = keyring_get(luks_uuid, LUKS_NEXT_KEY, ret_next);
	if (r < 0)
		return r;
	*ret_used = used;
	used = SECRET_EMPTY;
	return 0;
}

int unlock_both_keys(const char *luks_uuid, const struct luks_where *where, struct secret *ret_used,
		     struct secret *ret_next)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = both_kept(luks_uuid, ret_used, ret_next);
	if (r != -ENOKEY)
		return r;
	r = unlock_clevis(where, CLEVIS_TIMEOUT_S, &secret);
	return r < 0 ? r
		     : fail_opens_nothing(luks_both_keys(where, &secret, ret_used, ret_next),
					  where);
}

/* The next key is kept when it is needed soon, not all the time that the encryption takes. */
static bool needs_next(const struct luks_status *status)
{
	return status->used_key == 0 && status->slots_of[LUKS_NEXT_KEY] &&
	       (!status->is_reencrypting || status->is_rotating);
}

static int keep_both(const char *luks_uuid, const struct luks_where *where,
		     const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret used = SECRET_EMPTY, next = SECRET_EMPTY;
	int r;

	r = luks_both_keys(where, passphrase, &used, &next);
	if (r == 0)
		r = keyring_put(luks_uuid, 0, &used, KEYRING_TIMEOUT_S);
	return r < 0 ? r : keyring_put(luks_uuid, LUKS_NEXT_KEY, &next, KEYRING_TIMEOUT_S);
}

int unlock_keep(const char *luks_uuid, const struct luks_where *where,
		const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	struct luks_status status;
	int r;

	r = luks_look(where, &status);
	if (r < 0)
		return r;
	if (needs_next(&status)) {
		r = keep_both(luks_uuid, where, passphrase);
		if (r != -EPERM) /* a slot of somebody's own: it opens the one key alone */
			return r;
	}
	r = luks_volume_key(where, passphrase, &key);
	return r < 0 ? r : keyring_put(luks_uuid, status.used_key, &key, KEYRING_TIMEOUT_S);
}
