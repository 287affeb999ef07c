/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIGTERM and SIGINT as a wish: long phases look between their steps and stop where a stop is safe.
 */
#pragma once

#include "common/base.h"

/* From here on the signals only set the wish. */
void stop_on_signals(void);
bool stop_wanted(void);

/* Waits, at most so many seconds; returns early (true) when a stop is wanted. */
bool stop_wait(unsigned seconds);

/* The same in milliseconds, for the rests between steps: seen within a tenth of a second. */
bool stop_rest(uint64_t ms);
