/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checkpoints of the audit: signed lists of all lanes' heads, in the store and in a witness file
 * outside of it. The chain of rows shows what was changed inside; a checkpoint shows that the end
 * was cut, and the witness that store and checkpoints were cut together (docs/audit.md). The
 * signing key is core's and the operator's, apart from the KEK: it opens nothing.
 */
#pragma once

#include "server/config.h"
#include "server/store/store_core.h"

#define CHECKPOINT_EVERY_S 600
#define CHECKPOINT_EVERY_ROWS 10000

struct checkpoints;

/* Makes the signing key, for init. */
int checkpoint_key_create(const char *dir) MUST_CHECK;

/* Reads the signing key; one is made only when the store has no checkpoint yet. store stays the
 * caller's. */
int checkpoints_open(const struct server_config *config, struct store *store,
		     struct checkpoints **ret) MUST_CHECK;
void checkpoints_close(struct checkpoints *checkpoints);
DEFINE_CLEANUP(struct checkpoints *, checkpoints_close);

/* Signs the heads of now and appends to the witness what it lacks. Nothing when no row came since
 * the last one. -ESTALE, as for the two below: the witness ends with one that this store doesn't
 * have. */
int checkpoints_make(struct checkpoints *checkpoints) MUST_CHECK;

/* checkpoints_make() when so many rows or seconds have passed; cheap when they haven't. */
int checkpoints_tick(struct checkpoints *checkpoints) MUST_CHECK;

/* Removes all rows that the newest checkpoint made at before_s or earlier covers. STORE_NOT_FOUND:
 * there is no such checkpoint. */
int checkpoints_prune(struct checkpoints *checkpoints, uint64_t before_s,
		      uint64_t *ret_removed) MUST_CHECK;

/* Does the witness end with a checkpoint that this store doesn't have? Then the store is older. */
bool checkpoints_is_stale(const struct checkpoints *checkpoints);

/* The same for a line kept elsewhere: 0, or STORE_NOT_FOUND: this store doesn't have it. -EINVAL,
 * -EKEYREJECTED: it isn't one. */
int checkpoints_has(struct checkpoints *checkpoints, const char *line) MUST_CHECK;

/* Signs a checkpoint that goes on behind the witness's last one and names the gap. Nothing when
 * there is none. Inside a transaction; checkpoints_make() after it appends to the witness. */
int checkpoints_accept_gap(struct checkpoints *checkpoints) MUST_CHECK;

/* Is the whole audit what was written? witness may be NULL. 0, or STORE_CONFLICT with a sentence
 * that says what is wrong. *ret_count: checkpoints that were checked. */
int checkpoints_verify(const char *public_key_path, struct store *store, const char *witness,
		       uint64_t *ret_count) MUST_CHECK;
