/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the machines that a cut can leave of a recorded run, each one once, and judges them, by
 * several processes at a time.
 */
#pragma once

#include "tests/fault/scenario.h"

#define JOBS_MAX 16

/* In memory that all workers share. */
struct shared {
	struct judge_set seen, stock, placed, ends;
	uint64_t states, repeated, lost, known;
	bool is_over;
	struct world worlds[JOBS_MAX + 1]; /* the last one: where it is recorded */
};

struct work {
	const struct scenario *scenario;
	const struct machine *base;
	struct log log;
	const char *folder; /* workers' machines are made below it */
	struct shared *shared;
	struct judge judge;
	size_t wanted;
	uint64_t seed;
	unsigned jobs;
	bool is_first_loss_enough, is_counting; /* counting: judges nothing */
	long only_cut, only_variant;		/* -1: all */
};

/* The folder of a worker's machines, made if it isn't there. */
void enumerate_folder(const struct work *work, unsigned worker);

/* A line for a state that is lost; counts it. */
void enumerate_say_loss(const struct work *work, const char *state, const char *loss);
void enumerate(const struct work *work);
