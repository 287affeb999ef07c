/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store that is older than its witness: seeing it, and going on behind the gap.
 */
#include <string.h>

#include "common/jwk.h"
#include "server/core/checkpoint_internal.h"

bool checkpoints_is_stale(const struct checkpoints *checkpoints)
{
	return checkpoints->is_stale;
}

struct looking {
	uint64_t serial;
	const char *line;
	bool is_there;
};

static int look(const struct store_checkpoint *row, void *userdata)
{
	struct looking *looking = userdata;

	looking->is_there |= row->serial == looking->serial &&
			     strcmp(row->text, looking->line) == 0;
	return 0;
}

int checkpoints_has(struct checkpoints *checkpoints, const char *line)
{
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	CLEANUP_JWK json_t *key = NULL;
	struct looking looking = { .line = line };
	int r = checkpoints_key(checkpoints, &key);

	if (r == 0)
		r = checkpoint_read(line, key, &read);
	looking.serial = read.serial;
	if (r == 0)
		r = store_checkpoints(checkpoints->store, read.serial ? read.serial - 1 : 0, look,
				      &looking);
	if (r != 0)
		return r;
	return looking.is_there ? 0 : STORE_NOT_FOUND;
}

int checkpoints_accept_gap(struct checkpoints *checkpoints)
{
	CLEANUP_JWK json_t *key = NULL;
	int r;

	if (!checkpoints->is_stale)
		return 0;
	r = checkpoints_key(checkpoints, &key);
	if (r == 0)
		r = checkpoints_insert(checkpoints, key, 0);
	if (r == 0)
		checkpoints->is_stale = false;
	return r;
}
