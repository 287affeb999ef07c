/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `run` and `continue` share: running the phases and what follows from their outcome.
 */
#pragma once

#include "bootstrap/phase.h"

/* Asks the kernel to keep what is written to a plain root near its start, or no longer. It saves
 * time, and nothing depends on it: a failure is a warning. */
void step_keep_low(const struct job *job, bool is_wanted);

/*
 * Runs the phases that are left, then reboots (unless told not to), or says what it waits for.
 * is_after_boot: the boot that just was should have done the boot step's phases; if it hasn't,
 * another one wouldn't either, so there is none. 0 or negative.
 */
int step_phases(struct job *job, bool is_after_boot) MUST_CHECK;
