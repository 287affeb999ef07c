/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done with the part of the disk that isn't encrypted by `encrypt`, where old plaintext is.
 */
#pragma once

#include "bootstrap/wiped.h"

enum free_space_how { FREE_SPACE_ZERO, FREE_SPACE_RANDOM, FREE_SPACE_DISCARD, FREE_SPACE_KEEP };

struct free_space {
	const char *name;
	enum free_space_how how;
	const char *what; /* for people: "zeros are written over it" */
};

/* zero, random, discard, keep; NULL for others. */
const struct free_space *free_space_find(const char *name);

struct free_space_run {
	const struct free_space *how;
	int fd;			 /* of the raw device, writable */
	struct luks_where where; /* its header, which says how far it is */
	struct wiped_range range;

	/* Behind each step: everything before it is done, not durable yet. True: stop there. */
	bool (*between)(uint64_t done_bytes, uint64_t step_bytes, void *userdata);
	void *userdata;
};

enum free_space_outcome { FREE_SPACE_STOPPED = 1 };

/* From where an earlier run of the same range came to, to the end. 0: all of it, durably;
 * FREE_SPACE_STOPPED: between() said so, and the next run goes on there. Leaves the mark
 * "unwiped" to the caller. */
int free_space_destroy(const struct free_space_run *run) MUST_CHECK;

/* The same with all of a device, bytes long, that holds nothing yet: no header, so no notes. A cut
 * in it begins again. */
int free_space_destroy_all(const struct free_space *how, int fd, uint64_t bytes) MUST_CHECK;
