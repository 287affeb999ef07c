/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which machines a power cut can leave: all combinations of a moment (the cut: a number of events)
 * and of what of the unflushed events has reached the disk.
 */
#pragma once

#include "tests/fault/machine.h"

/* What of the unflushed events is there. From STATES_RANDOM on, drawn by (seed, cut, variant). */
enum { STATES_ALL, STATES_NONE, STATES_TORN, STATES_RANDOM };

struct states {
	const struct log *log;
	uint64_t seed;
	size_t wanted;		/* about so many */
	unsigned wide_draws;	/* variants of a cut where much is open */
	size_t cut;		/* the durable machine stands here */
	struct machine durable; /* what can't be lost any more, at the cut */
};

void states_begin(struct states *ret, const struct machine *base, const struct log *log,
		  size_t wanted, uint64_t seed);

/* Goes on to a later cut. */
void states_advance(struct states *states, size_t cut);

/* How many variants this cut has. */
unsigned states_variants(const struct states *states, size_t cut);

/* The machine of the present cut. */
void states_build(const struct states *states, unsigned variant, struct machine *ret);
