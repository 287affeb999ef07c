/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a long phase stands between two steps: rests as the throttle says, and waits while people
 * want it to stand still.
 */
#pragma once

#include "bootstrap/pace.h"
#include "bootstrap/wish.h"

struct gate {
	struct pace *pace;
	const char *state_dir;
	int load_fd;		    /* -1: the disk's load isn't known */
	uint64_t at_ms, load_bytes; /* when the step began */
};

/* device: whose disk is watched. Close load_fd at the end (gate_close). */
void gate_open(struct gate *gate, struct pace *pace, const char *state_dir, const char *device);
void gate_close(struct gate *gate);

/* The wishes as they stand; a damaged file counts as none, and is said once. */
struct wish gate_wish(const struct gate *gate);

/* Behind a step of so many bytes, own_bytes of them and more moved on the disk. Returns true when
 * somebody wants the phase to stop. */
bool gate_pass(struct gate *gate, uint64_t bytes, uint64_t own_bytes);
