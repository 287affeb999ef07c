/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See hot_chunk.h.
 */
#include "bootstrap/hot_chunk.h"

#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "common/err.h"

int hot_chunk_finish(const struct luks_where *where, const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;
	struct luks_status status;
	int r = luks_look(where, &status);

	if (r < 0 || !status.has_hot_chunk)
		return r;
	if (status.is_rotating)
		r = luks_both_keys(where, passphrase, &key, &next);
	else
		r = luks_volume_key(where, passphrase, &key);
	if (r == -EPERM)
		return fail(r, "the cut chunk of %s takes a key that this passphrase doesn't open",
			    where->header);
	if (r == 0)
		r = luks_finish_chunk(where->header, &key, status.is_rotating ? &next : NULL);
	return r < 0 ? r : HOT_CHUNK_FINISHED;
}
