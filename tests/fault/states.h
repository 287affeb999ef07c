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
	size_t *rooms;		/* of each cut: how many draws can differ */
	size_t share;		/* draws of a cut where much is open */
	size_t cut;		/* the durable machine stands here */
	struct machine durable; /* what can't be lost any more, at the cut */
};

/* wanted: about so many in all. */
void states_begin(struct states *ret, const struct machine *base, const struct log *log,
		  size_t wanted, uint64_t seed);

/* Goes on to a later cut. */
void states_advance(struct states *states, size_t cut);

/* The variants that each cut has: 0 up to here. */
unsigned states_fixed(const struct states *states, size_t cut);

/* How many different states shall be drawn at this cut: as many as what is open allows, up to the
 * share. Any variant from STATES_RANDOM on is a draw. */
size_t states_draws(const struct states *states, size_t cut);

/* The machine of the present cut. */
void states_build(const struct states *states, unsigned variant, struct machine *ret);
