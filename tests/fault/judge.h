/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be true of a machine after a cut: seen by a stock boot, and after our boot step has
 * repaired it. judge.c says what; a sentence is a loss.
 */
#pragma once

#include "tests/fault/world.h"

#define JUDGE_TEXT 640

/* Shared by all workers: hashes of what is known to be good. */
#define JUDGE_SLOTS (1 << 16)
struct judge_set {
	uint64_t slots[JUDGE_SLOTS];
};
/* true when it was there already */
bool judge_set_add(struct judge_set *set, uint64_t hash);
bool judge_set_has(const struct judge_set *set, uint64_t hash);

struct judge {
	struct world *world;		/* shared memory */
	struct image *device;		/* the disk as the cut left it */
	const struct image *filesystem; /* the payload as it was */
	uint64_t payload_bytes, shift_bytes;
	struct judge_set *stock, *placed;
	bool is_stock_unpatched; /* seeded bug: the distribution's library finishes a run */
};

/* Without our boot step: whoever recognises something finds it whole, and e2fsck leaves the disk
 * as it is. */
bool judge_stock(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* Boots until something is open; then the volume is encrypted to its end and must hold the same
 * filesystem. */
bool judge_boots(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* The run of a placed volume, to its end. */
bool judge_run(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* In this process: encrypts the volume to its end. */
int judge_encrypt(const char *device);
