/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people want of the pace of a conversion under way: stand still, or not faster than so. A
 * small durable file beside the intent, because it may change at any time, by another process; it
 * survives reboots and says nothing of what was done.
 */
#pragma once

#include "common/base.h"

#define WISH_FILE "pace.json" /* in the state folder */

struct wish {
	bool is_paused;
	uint64_t max_bytes_per_s; /* 0: no limit */
};

/* No file: no wishes, 0. -EBADMSG with a sentence when it is damaged. */
int wish_read(const char *state_dir, struct wish *ret) MUST_CHECK;

/* Replaces it durably. */
int wish_write(const char *state_dir, const struct wish *wish) MUST_CHECK;
