/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one signal handler of long phases; it sets a flag and nothing else.
 */
#include "bootstrap/stop.h"

#include <signal.h>
#include <time.h>

static volatile sig_atomic_t is_wanted;

static void on_signal(int number UNUSED)
{
	is_wanted = 1;
}

void stop_on_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

bool stop_wanted(void)
{
	return is_wanted != 0;
}

bool stop_wait(unsigned seconds)
{
	struct timespec second = { .tv_sec = 1 };

	/* One second at a time: a signal between the test and the sleep is seen a second later. */
	for (unsigned i = 0; i < seconds && !is_wanted; i++)
		nanosleep(&second, NULL);
	return is_wanted != 0;
}

bool stop_rest(uint64_t ms)
{
	while (ms > 0 && !is_wanted) {
		uint64_t part_ms = MIN(ms, 100);
		struct timespec part = { .tv_nsec = (long)part_ms * 1000000 };

		nanosleep(&part, NULL);
		ms -= part_ms;
	}
	return is_wanted != 0;
}
