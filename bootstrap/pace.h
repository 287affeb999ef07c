/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a long phase gets on: percent, rate and time left, as a line at most every 5 s and as a
 * report to the server.
 */
#pragma once

#include "bootstrap/phase.h"
#include "bootstrap/report.h"

struct pace {
	struct reporter reporter;
	const char *phase;
	uint64_t total_bytes, first_bytes; /* first: what was done before this run */
	uint64_t started_ms, said_ms;
	bool has_first, is_over;
};

/* total_bytes 0: not known yet, pace_total() says it later. */
void pace_start(struct pace *pace, const struct job *job, const char *phase, uint64_t total_bytes);
void pace_total(struct pace *pace, uint64_t total_bytes);

/* done_bytes counts from the phase's beginning; the first call says where this run starts. Cheap:
 * call it after each step. */
void pace_step(struct pace *pace, uint64_t done_bytes);

/* Pure: "42.5 %, 118 MiB/s, 3 min left". */
void pace_print(char *ret, size_t size, uint64_t done_bytes, uint64_t total_bytes,
		uint64_t run_bytes, uint64_t run_ms);
