/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scope frees and hand-overs of common/base.h and common/cleanup.h.
 */
#include "common/cleanup.h"

#include "tests/unit/unit.h"

#include <fcntl.h>

struct thing {
	int *freed;
};

static void thing_free(struct thing *thing)
{
	(*thing->freed)++;
}

DEFINE_CLEANUP(struct thing *, thing_free);

static void frees_at_the_end_of_the_scope(void **state)
{
	int freed = 0;
	struct thing object = { &freed };

	(void)state;
	{
		CLEANUP(thing_freep) struct thing *thing = &object;
		CLEANUP(thing_freep) struct thing *none UNUSED = NULL;

		assert_ptr_equal(thing, &object);
	}
	assert_int_equal(freed, 1);
}

static void hands_over(void **state)
{
	int freed = 0;
	struct thing object = { &freed };

	(void)state;
	{
		CLEANUP(thing_freep) struct thing *thing = &object;

		assert_ptr_equal(TAKE_PTR(thing), &object);
		assert_null(thing);
	}
	assert_int_equal(freed, 0);
}

static void closes_and_keeps_errno(void **state)
{
	int seen, taken;

	(void)state;
	{
		CLEANUP_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		seen = fd;
		errno = EPIPE;
	}
	assert_int_equal(errno, EPIPE);
	assert_int_equal(fcntl(seen, F_GETFD), -1);
	{
		CLEANUP_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		taken = TAKE_FD(fd);
		assert_int_equal(fd, -1);
	}
	assert_true(fcntl(taken, F_GETFD) >= 0);
	close(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees_at_the_end_of_the_scope),
		cmocka_unit_test(hands_over),
		cmocka_unit_test(closes_and_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
