/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often the run has died at the same chunk. A chunk that can't be read ends the run with its
 * device suspended, and the guard with a reboot; without a count, that would go on for ever. A
 * small durable file beside the intent; it is only ever a reason to stop.
 */
#pragma once

#include "common/base.h"

#define STRIKES_FILE "strikes.json" /* in the state folder */
#define STRIKES_MOST 5		    /* power cuts count too, they can't be told apart */

/* Notes durably that a run begins with so much done. -EIO with a sentence when the last
 * STRIKES_MOST runs began there too, and none has ended. */
int strikes_begin(const char *state_dir, uint64_t done_bytes) MUST_CHECK;

/* The run has ended in order: stopped, or at its end. */
int strikes_clear(const char *state_dir) MUST_CHECK;
