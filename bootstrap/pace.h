/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a long phase gets on: percent, rate and time left, as a line at most every 5 s, as a file for
 * `status` every second, and as a report to the server.
 */
#pragma once

#include "bootstrap/phase.h"
#include "bootstrap/progress.h"
#include "bootstrap/report.h"

struct pace {
	struct reporter reporter;
	struct progress progress;
	struct progress_rate rate;
	uint64_t said_ms, written_ms;
	bool is_over;
};

/* total_bytes 0: not known yet, pace_total() says it later. */
void pace_start(struct pace *pace, const struct job *job, const char *phase, uint64_t total_bytes);
void pace_total(struct pace *pace, uint64_t total_bytes);

/* done_bytes counts from the phase's beginning; the first call says where this run starts. Cheap:
 * call it after each step. */
void pace_step(struct pace *pace, uint64_t done_bytes);

/* Stands still, for "key" or "resume"; "" when it goes on. Said at once when it changes. */
void pace_wait(struct pace *pace, const char *waiting);
