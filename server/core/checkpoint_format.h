/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of a checkpoint: a compact JWS (ES512) over one JSON object. Pure; parsing is for texts
 * whose signature was right, and still takes nothing on trust.
 */
#pragma once

#include "common/json.h"
#include "server/store/store_core.h"

#define CHECKPOINT_MAX_BYTES (16 * MIB)
#define CHECKPOINT_HASH_CHARS 64

struct checkpoint {
	uint64_t serial, time_s;
	uint64_t pruned_to; /* lanes begin behind the heads of this checkpoint; 0: at their start */
	/* The store didn't have those behind this one and before serial: it was restored; 0: none
	 * is missing */
	uint64_t gap_from;
	/* SHA-256 of the text of the one before, "" for the first */
	char previous[CHECKPOINT_HASH_CHARS + 1];
	json_t *lanes;
};

#define CHECKPOINT_EMPTY ((struct checkpoint){ .lanes = NULL })
#define CLEANUP_CHECKPOINT CLEANUP(checkpoint_done)

void checkpoint_done(struct checkpoint *checkpoint);

/* Adds a lane; lanes is an array. */
int checkpoint_add_lane(json_t *lanes, const struct store_lane *lane) MUST_CHECK;

/* Prints and signs; the caller frees the text. */
int checkpoint_sign(const struct checkpoint *checkpoint, const json_t *key, char **ret) MUST_CHECK;

/* The object without its signature. -EINVAL. ret is the caller's to release. */
int checkpoint_parse(const char *payload, struct checkpoint *ret) MUST_CHECK;

/* -EKEYREJECTED, -EINVAL: not one of ours. ret is the caller's to release. */
int checkpoint_read(const char *text, const json_t *key, struct checkpoint *ret) MUST_CHECK;

/* Calls each for every lane; -EINVAL when one makes no sense. */
int checkpoint_lanes(const struct checkpoint *checkpoint, store_lane_each each,
		     void *userdata) MUST_CHECK;

/* The name of a text for "previous" of the next one. */
int checkpoint_hash(const char *text, char ret[static CHECKPOINT_HASH_CHARS + 1]) MUST_CHECK;
