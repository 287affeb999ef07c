/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a long phase is, as figures: what the worker at work says to `status` (a file in memory
 * that ends with the boot), to people and to the server. Only a view: nothing is ever decided by
 * it, the disk is the state.
 */
#pragma once

#include "common/base.h"

#define PROGRESS_FILE "progress.json" /* in RUN_DIR */

struct progress {
	char phase[24];
	char waiting[16];		  /* "", "key", "resume": for what it stands still */
	uint64_t done_bytes, total_bytes; /* total 0: not known (yet) */
	uint64_t bytes_per_s;		  /* lately; 0: not known */
};

/* 0 … 100. */
double progress_percent(const struct progress *progress);

/* Seconds left at the present rate; 0 when that can't be said. */
uint64_t progress_eta_s(const struct progress *progress);

/* "42.5 %, 118 MiB/s, 3 min left"; "42.5 %, waiting for key". */
void progress_text(char *ret, size_t size, const struct progress *progress);

/* How a wait is said to people: "key" is "waiting for key", "resume" "paused". */
const char *progress_wait_text(const char *waiting);

/* Replaces dir/PROGRESS_FILE. */
int progress_write(const char *dir, const struct progress *progress) MUST_CHECK;

/* -ENOENT without a sentence when there is none; -EBADMSG when it isn't one. */
int progress_read(const char *dir, struct progress *ret) MUST_CHECK;

/* The rate lately: what counts is about the last 20 s, so that it follows a throttle or a pause.
 * Pure but for its state. */
struct progress_rate {
	uint64_t at_ms, done_bytes;
	double bytes_per_s;
	bool is_begun, is_known;
};
void progress_rate_step(struct progress_rate *rate, uint64_t now_ms, uint64_t done_bytes);
