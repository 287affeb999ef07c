/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be true of a machine after a cut: seen by a stock boot, and after our boot step has
 * repaired it. judge.c says what; a sentence is a loss.
 */
#pragma once

#include "tests/fault/gpt.h"
#include "tests/fault/world.h"

#define JUDGE_TEXT 640

/* Shared by all workers: hashes of what is known to be good. */
#define JUDGE_SLOTS (1 << 18)
struct judge_set {
	uint64_t slots[JUDGE_SLOTS];
};
/* true when it was there already; ends the program when the set is full */
bool judge_set_add(struct judge_set *set, uint64_t hash);
bool judge_set_has(const struct judge_set *set, uint64_t hash);

struct judge {
	struct world *world;		/* shared memory */
	struct image *device;		/* the root partition as the cut left it */
	const struct image *filesystem; /* what it shall hold in the end */
	uint64_t payload_bytes, shift_bytes;
	/* the same where `shrink` had to do without moving a block; NULL: that can't be */
	const struct image *second_filesystem;
	uint64_t second_payload_bytes;
	struct gpt_partition root, boot; /* in the end, where there is a table */
	struct judge_set *stock, *placed, *ends;
	bool is_stock_unpatched; /* seeded bug: the distribution's library finishes a run */
	char files[300];	 /* a folder with the files that a mended filesystem must have */
};

/* Without our boot step: whoever recognises something finds it whole, and e2fsck leaves the disk
 * as it is. */
bool judge_stock(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* Boots until something is open; then the volume is encrypted to its end and must hold the same
 * filesystem. */
bool judge_places(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* Boots until `place` would begin; then the filesystem must have been cut. */
bool judge_shrinks(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* Behind a boot that went on with it: would e2fsck find nothing? */
bool judge_is_sound(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* Boots until nothing is left to do; then filesystem and partition must have been cut. */
bool judge_carves(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* The run of a placed volume, or of one that gets another key, to its end. */
bool judge_run(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* The wipe is finished: zeros behind the filesystem, and the filesystem is the same. */
bool judge_wipes(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* The filesystem has grown past what the intent says, and nothing of it may be wiped. */
bool judge_refuses_to_wipe(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* A check at boot was cut: with the next one, or without if the kernel would mount it, each file is
 * there. */
bool judge_mends(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* As GRUB finds the machine, which replays no journal: the old one starts, or the new one with all
 * that it reads; and it can be installed again. */
bool judge_starts(struct judge *judge, char ret_loss[static JUDGE_TEXT]);

/* In this process: encrypts the volume to its end, or changes its key. */
int judge_encrypt(const char *device);
