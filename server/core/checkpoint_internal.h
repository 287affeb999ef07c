/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between checkpoint.c (making, witness), checkpoint_prune.c and checkpoint_gap.c.
 */
#pragma once

#include "server/core/checkpoint.h"
#include "server/core/checkpoint_format.h"

struct checkpoints {
	struct store *store;
	char key_path[CONFIG_PATH_SIZE];
	int witness_fd;
	bool is_stale;	    /* the witness has one that the store doesn't have */
	uint64_t witnessed; /* the witness's last one */
	char witnessed_hash[CHECKPOINT_HASH_CHARS + 1];
	uint64_t looked_s; /* of the last tick, by the process's clock */
	/* the newest checkpoint */
	uint64_t serial, time_s, audit_seq, pruned_to;
	char hash[CHECKPOINT_HASH_CHARS + 1];
};

/* The signing key; the caller wipes it. */
int checkpoints_key(const struct checkpoints *checkpoints, json_t **ret) MUST_CHECK;

/* -ESTALE: the witness has one that the store doesn't have. */
int checkpoints_refuse_stale(const struct checkpoints *checkpoints) MUST_CHECK;

/* Inside a transaction: signs and inserts one. pruned_to 0: as before. */
int checkpoints_insert(struct checkpoints *checkpoints, const json_t *key,
		       uint64_t pruned_to) MUST_CHECK;

/* Commits when r is 0, else rolls back. */
int checkpoints_end(struct checkpoints *checkpoints, int r) MUST_CHECK;

/* Appends to the witness what the store has and it lacks. */
int checkpoints_catch_up(struct checkpoints *checkpoints, const json_t *key) MUST_CHECK;
