/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lets each call fail once. A test that names "FAILING_SOURCES: a.c b.c" in its head comment gets
 * these files linked so that every call they make of another file asks here first
 * (tools/failing-calls makes that from their objects; nothing of it is in the product). It then
 * fails, or the process ends there as when the power is cut.
 */
#pragma once

#include "common/base.h"

enum failing_kind {
	FAILS_NEGATIVE,	 /* negative errno */
	FAILS_MINUS_ONE, /* and errno */
	FAILS_NULL,
	FAILS_NUMBER, /* of the error, as it is */
};

struct failing_call {
	const char *file, *name;
	enum failing_kind kind;
};

enum failing_how {
	FAILING_SAID, /* -EIO and a sentence, as a gateway gives up */
	FAILING_BARE, /* -ENOMEM without one */
	FAILING_CUT,  /* the process is gone */
};

#define FAILING_CUT_STATUS 42
#define FAILING_CALLS_MAX 1024
#define FAILING_SEQUENCE 32768 /* remembered */

struct failing {
	bool is_on; /* calls are counted */
	enum failing_how how;
	unsigned count, fail_at; /* 0: none */
	unsigned failed;	 /* which one did: index of failing_calls */
	bool has_failed;
	unsigned marks;			     /* until it failed */
	unsigned sequence[FAILING_SEQUENCE]; /* which calls there were, by indices of failing_calls
					      */
	bool was_failed[FAILING_CALLS_MAX];  /* since the program began */
};

/* In memory that forked processes share. */
extern struct failing *failing;

extern const struct failing_call failing_calls[];
extern const unsigned failing_call_count;

void failing_make(void);

/* From here on the n-th call fails; 0: none. */
void failing_begin(unsigned n, enum failing_how how);

/* Something that the test wants to know of has come, before or behind the failure. */
void failing_mark(void);

/* true when a call has failed since. */
bool failing_end(void);

/* For calls through a pointer, which no linker sees. 0, or what to return. */
int failing_here(const char *what);
