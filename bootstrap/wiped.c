/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the tail is and whether it was wiped. Writes tokens only.
 */
#include "bootstrap/wiped.h"

#include "common/err.h"
#include "common/strbuf.h"

#define TOKEN_TYPE "panocrypt-unwiped"

int wiped_set_pending(const struct luks_where *where)
{
	CLEANUP_JSON json_t *token = json_pack("{s:s, s:[]}", "type", TOKEN_TYPE, "keyslots");

	if (!token)
		return fail(-ENOMEM, "out of memory: free some and run again");
	return luks_token_set(where, token);
}

int wiped_set_next(const struct luks_where *where, uint64_t start_bytes, uint64_t next_bytes)
{
	CLEANUP_JSON json_t *token = NULL;

	token = json_pack("{s:s, s:[], s:I, s:I}", "type", TOKEN_TYPE, "keyslots", "start_bytes",
			  (json_int_t)start_bytes, "next_bytes", (json_int_t)next_bytes);
	if (!token)
		return fail(-ENOMEM, "out of memory: free some and run again");
	return luks_token_set(where, token);
}

int wiped_next(const struct luks_where *where, uint64_t *ret_start_bytes, uint64_t *ret_next_bytes)
{
	CLEANUP_JSON json_t *token = NULL;
	int r = luks_token_get(where, TOKEN_TYPE, &token);

	*ret_start_bytes = *ret_next_bytes = 0;
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = js_u64_or(token, "start_bytes", 0, ret_start_bytes);
	return r < 0 ? r : js_u64_or(token, "next_bytes", 0, ret_next_bytes);
}

int wiped_set_done(const struct luks_where *where)
{
	return luks_token_remove(where, TOKEN_TYPE);
}

int wiped_is_pending(const struct luks_where *where)
{
	CLEANUP_JSON json_t *token = NULL;
	int r = luks_token_get(where, TOKEN_TYPE, &token);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

int wiped_range(uint64_t device_bytes, uint64_t shift_bytes, uint64_t payload_bytes,
		uint64_t filesystem_bytes, struct wiped_range *ret)
{
	char have[24], want[24];

	if (payload_bytes == 0 || filesystem_bytes > payload_bytes)
		return fail(
			-ERANGE,
			"the filesystem has %s, it was encrypted with %s: something grew it before "
			"the disk's rest was wiped. Old plaintext may be left in its free space: "
			"fill that once, then remove the token \"" TOKEN_TYPE "\" with cryptsetup",
			text_bytes(have, filesystem_bytes), text_bytes(want, payload_bytes));
	if (filesystem_bytes == 0 || device_bytes < shift_bytes ||
	    filesystem_bytes > device_bytes - shift_bytes || filesystem_bytes % SECTOR_BYTES != 0)
		return fail(-ERANGE,
			    "sizes that don't fit: device %llu, shift %llu, filesystem %llu",
			    (unsigned long long)device_bytes, (unsigned long long)shift_bytes,
			    (unsigned long long)filesystem_bytes);
	*ret = (struct wiped_range){ shift_bytes + filesystem_bytes, device_bytes };
	return 0;
}
