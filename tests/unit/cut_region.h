/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes the place of region.c: reads and writes a file, and records what is written and flushed.
 * From that every state of the file that a power cut can leave is made: of what nobody has flushed
 * yet all, nothing, all but a part of the last write, or any sectors.
 */
#pragma once

#include "bootstrap/region.h"

#define CUT_EVENTS_MAX 4096

struct cut_event {
	uint64_t offset, len; /* 0: a flush */
	uint8_t *data, *before;
	bool is_lost_flush; /* a seeded bug: the device was never told */
};

extern struct cut_event cut_events[CUT_EVENTS_MAX];
extern size_t cut_event_count;
extern bool cut_is_recording;

/* Reading what covers this offset fails; 0: nothing. */
extern uint64_t cut_unreadable;

/* Fails one flush, the first being 1; 0: none. Counts down. */
extern unsigned cut_failing_flush;

void cut_forget(void);

enum cut_variant { CUT_ALL, CUT_NONE, CUT_TORN, CUT_DRAWN, CUT_VARIANTS = 12 };

/* Makes the file as a cut before event number `cut` leaves it; variants from CUT_DRAWN on are drawn
 * from the seed. */
void cut_rebuild(int fd, size_t cut, unsigned variant, uint64_t *seed);
