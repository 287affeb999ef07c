/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See failing.h.
 */
#include "tests/unit/failing.h"

#include "common/err.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct failing *failing;
long failing_result; /* what calls.S returns */

int failing_hit(unsigned index);

void failing_make(void)
{
	void *room = mmap(NULL, sizeof(*failing), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		abort();
	failing = room;
}

void failing_begin(unsigned n, enum failing_how how)
{
	failing->is_on = true;
	failing->how = how;
	failing->count = 0;
	failing->fail_at = n;
	failing->has_failed = false;
	failing->marks = 0;
}

void failing_mark(void)
{
	failing->marks += !failing->has_failed;
}

bool failing_end(void)
{
	failing->is_on = false;
	return failing->has_failed;
}

static bool is_due(void)
{
	if (!failing->is_on || ++failing->count != failing->fail_at)
		return false;
	failing->has_failed = true;
	if (failing->how == FAILING_CUT)
		_exit(FAILING_CUT_STATUS);
	return true;
}

static int negative(const char *name)
{
	if (failing->how == FAILING_BARE)
		return -ENOMEM;
	return fail(-EIO, "%s was made to fail", name);
}

/* 1: this call fails, with failing_result. */
int failing_hit(unsigned index)
{
	const struct failing_call *call = &failing_calls[index];
	int saved = errno;

	if (!failing) /* not made yet */
		return 0;
	if (failing->is_on && failing->count < FAILING_SEQUENCE)
		failing->sequence[failing->count] = index;
	if (failing->is_on && failing->count + 1 == failing->fail_at) {
		failing->failed = index;
		failing->was_failed[index] = true;
	}
	if (!is_due()) {
		errno = saved;
		return 0;
	}
	failing_result = call->kind == FAILS_NEGATIVE	 ? negative(call->name)
			 : call->kind == FAILS_MINUS_ONE ? -1
			 : call->kind == FAILS_NUMBER	 ? ENOMEM
							 : 0;
	errno = failing->how == FAILING_BARE ? ENOMEM : EIO;
	return 1;
}

int failing_here(const char *what)
{
	return is_due() ? negative(what) : 0;
}
