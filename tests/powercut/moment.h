/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the power goes: a number of disk operations, or milliseconds, after the guest has said on
 * its console that a phase begins. The guest's own lines decide, so the same machine is cut at the
 * same operation again.
 */
#pragma once

#include "common/base.h"

#define MOMENT_NAME_MAX 32
#define MOMENT_PHASES_MAX 24

/* What the disk is about to do. A flush of nothing is MOMENT_OTHER. */
enum moment_op { MOMENT_NO_OP, MOMENT_OTHER, MOMENT_FLUSH };

struct moment {
	/* what is wanted */
	char names[MOMENT_PHASES_MAX][MOMENT_NAME_MAX]; /* in the order of a conversion */
	size_t count, target;				/* target == count: never */
	uint64_t ops_wanted, ms_wanted;
	bool is_flush_wanted; /* behind ops_wanted, wait for a flush: when most is at stake */
	/* what was seen */
	char now[MOMENT_NAME_MAX]; /* the phase that the guest said last, in names or not */
	size_t reached;		   /* of names, the one said last; count: none yet */
	uint64_t ops, ms_at;	   /* since then */
	char line[512];
	size_t len;
};

/* names: "carve,shrink,…". -EINVAL: too many, or target is none of them (NULL: never). */
int moment_init(struct moment *ret, const char *names, const char *target) MUST_CHECK;

/* What came from the console since the last call. True when the guest has begun another phase. */
bool moment_console(struct moment *moment, const char *text, size_t len, uint64_t now_ms);

/* The reason to cut now, or NULL: "ops", "ms", or "passed" when a later phase has begun. */
const char *moment_due(struct moment *moment, enum moment_op op, uint64_t now_ms);
