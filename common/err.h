/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The error contract, for every function of this project that returns int:
 *
 *	0		done
 *	negative	-errno: give up; pass it up unchanged, never match on it
 *	positive	an outcome named in the function's header; the caller must handle it
 *
 * The sentence for people is made once, at the place where it can be finished, and ends with what
 * to do next:
 *
 *	return fail(-ENOSPC, "root has %s free, %s are needed: free some and run again", a, b);
 *
 * Callers further up may put a frame around it with fail_at(). Nothing in common/ prints: programs
 * print fail_text() once, at the top. The text is per thread and of bounded length. Secrets never
 * go into it.
 */
#pragma once

#include "common/base.h"

#define FAIL_TEXT_MAX 1024

/* Remembers the sentence and returns r, which must be negative. Replaces an earlier sentence. */
int fail(int r, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts "<frame>: " before the remembered sentence (or one made from strerror(-r)); returns r. */
int fail_at(int r, const char *format, ...) PRINTF_LIKE(2, 3);

/* The remembered sentence; "" if none. Valid until the next fail call of this thread. */
const char *fail_text(void);

/* Forgets the sentence: for callers that handled a failure and go on. */
void fail_clear(void);

#ifdef __clang_analyzer__
/* What clang's analyzer can't know: fail() returns what it was given, and that is negative. */
static inline int fail_promise(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}

#define fail(...) fail_promise((fail)(__VA_ARGS__))
#define fail_at(...) fail_promise((fail_at)(__VA_ARGS__))
#endif
