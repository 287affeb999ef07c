/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the phases `encrypt` and `rotate` share: the key or keys, the worker around the mounted root
 * from one chunk to the next, figures and wishes.
 */
#pragma once

#include "bootstrap/luks.h"
#include "bootstrap/phase.h"

struct chunks {
	const char *phase;
	bool needs_next_key;

	/* With the keys at hand and before the first chunk; NULL: nothing to do. */
	int (*begin)(const char *device, const struct secret *volume_key,
		     const struct secret *next_key);
};

/* The volume's device; -ENODEV without a sentence when it isn't there. */
int chunks_look(const struct job *job, char *ret_device, size_t size,
		struct luks_status *ret) MUST_CHECK;

/* To the end: 0. -EINTR when it was stopped between two chunks, or while it waited for the key. */
int chunks_run(struct job *job, const struct chunks *chunks) MUST_CHECK;
