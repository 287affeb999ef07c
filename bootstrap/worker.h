/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process that encrypts while parts of its own root are suspended.
 *
 *	reporter   the caller of worker_run(): logs, writes files, talks to the server. May block
 *		   on the root at any time; nothing waits for it.
 *	guard      this program again, from a sealed copy in memory, all pages locked. Watches the
 *		   worker and the mapping (worker_watch.h).
 *	worker     the guard's child: reencrypts. Between the beginning of its first step and its
 *		   end it opens no file but devices and what is in memory (/dev, /proc, /run, /sys),
 *		   and neither logs nor uses the network.
 *
 * They share one page of memory, the board: figures go one way, wishes the other. A stop is taken
 * between two chunks. When the reporter dies, that counts as the wish to stop.
 */
#pragma once

#include "bootstrap/wish.h"
#include "common/secret.h"

#define WORKER_WORD "worker" /* argv[1] of guard and worker */

struct worker_view {
	uint64_t done_bytes, total_bytes;
	bool is_paused;	     /* it stands still, by wish */
	const char *warning; /* what the guard has to say; "" when all is well */
};

struct worker_wishes {
	struct wish wish;
	bool is_stop_wanted;
};

struct worker_run {
	const char *device;
	const char *mapping; /* NULL: offline */
	const struct secret *volume_key;
	const struct secret *next_key; /* when it changes to another; else NULL */

	/* Several times a second, in the caller's process: says and asks. */
	void (*tick)(const struct worker_view *view, struct worker_wishes *ret_wishes,
		     void *userdata);
	void *userdata;
};

enum worker_outcome { WORKER_STOPPED = 1 };

/* To the end: 0; WORKER_STOPPED: between two chunks, as was wished; negative with the worker's
 * sentence. */
int worker_run(const struct worker_run *run) MUST_CHECK;

/* main() of guard and worker: argv as worker_run() makes it. An exit status. */
int worker_main(int argc, char **argv);
