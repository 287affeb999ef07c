/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the guard does about what it sees. Pure.
 *
 * A suspended device may be resumed only between two chunks. Inside one, its table names the new
 * place of the chunk, which is half-written: resumed, it would show garbage to the filesystem, and
 * what is written there would be overwritten when the chunk is repeated. The source is untouched,
 * so the way out is a boot, whose activation repeats the chunk (docs/power-cut.md).
 */
#pragma once

#include "common/base.h"

struct watch_view {
	bool is_alive;		    /* the worker */
	bool is_in_step;	    /* by its own word; a dead one's last word */
	bool is_suspended;	    /* some device of the mapping */
	uint64_t step_ms;	    /* since the step began */
	uint64_t idle_suspended_ms; /* how long it has been suspended and in no step */
};

enum watch_action {
	WATCH_WAIT,
	WATCH_WARN,   /* a step takes long: the disk hangs; nothing can be done but to say it */
	WATCH_RESUME, /* the chunk is done and noted: the device was left suspended */
	WATCH_REBOOT, /* dead inside a chunk */
	WATCH_END,    /* dead, nothing is suspended */
};

#define WATCH_STEP_LONG_MS 60000
#define WATCH_IDLE_LONG_MS 5000

enum watch_action watch_decide(const struct watch_view *view);
