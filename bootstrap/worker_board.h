/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page that reporter, guard and worker share. Every member has one writer.
 */
#pragma once

#include "common/base.h"
#include "common/err.h"

#include <stdatomic.h>

#define WORKER_BOARD_FD 3
#define WORKER_LINE_FD 0 /* the keys come in here; its end means that the reporter is gone */
#define WORKER_KEY_BYTES_MAX 512

struct worker_board {
	/* by the worker */
	_Atomic uint64_t done_bytes, total_bytes;
	_Atomic uint64_t step_since_ms; /* CLOCK_MONOTONIC; 0: between two steps */
	_Atomic bool is_paused;
	_Atomic bool has_result; /* set behind the next two */
	int result;
	char sentence[FAIL_TEXT_MAX];

	/* by the guard */
	_Atomic bool has_warning; /* set behind the next one */
	char warning[256];

	/* by the reporter; is_stop_wanted also by the guard */
	_Atomic uint64_t max_bytes_per_s;
	_Atomic bool is_pause_wanted, is_stop_wanted;
};

_Static_assert(sizeof(struct worker_board) <= 4096, "one page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared between processes");

/* The worker's part: reads the keys, encrypts, leaves its result on the board. */
int worker_chunks(struct worker_board *board, const char *device, const char *mapping);
