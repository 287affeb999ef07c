/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The distribution's `clevis decrypt` as a child process, and the order in which a volume key is
 * looked for. Holds secrets; writes nothing.
 */
#include "bootstrap/unlock.h"

#include "bootstrap/keyring.h"
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

int unlock_volume_key(const char *luks_uuid, const struct luks_where *where, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = keyring_get(luks_uuid, ret);
	if (r == 0)
		return 0;
	r = unlock_clevis(where, CLEVIS_TIMEOUT_S, &secret);
	if (r < 0)
		return r;
	r = luks_volume_key(where, &secret, ret);
	if (r == -EPERM)
		return fail(r, "the secret that the server gave opens no keyslot of %s",
			    where->header);
	return r;
}
