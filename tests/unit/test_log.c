/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines on stderr, caught by a pipe: prefix under the journal, levels, errno kept.
 */
#include "common/log.h"

#include "common/base.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

static char caught[8192];

/* Runs action with stderr caught. */
static void catch (void (*action)(void))
{
	int ends[2], kept = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	action();
	dup2(kept, STDERR_FILENO);
	n = read(ends[0], caught, sizeof(caught) - 1);
	caught[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	close(ends[1]);
	close(kept);
}

static void say_all(void)
{
	errno = EPIPE;
	log_error("e %d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
}

static void writes_plain_lines(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("prog", false, LOG_LEVEL_INFO);
	catch (say_all);
	assert_int_equal(errno, EPIPE);
	assert_string_equal(caught, "prog: e 1\nprog: w\nprog: i\n");
}

static void writes_priorities_for_the_journal(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open("prog", false, LOG_LEVEL_DEBUG);
	catch (say_all);
	assert_string_equal(caught, "<3>prog: e 1\n<4>prog: w\n<6>prog: i\n<7>prog: d\n");
	unsetenv("JOURNAL_STREAM");
}

static void say_failure(void)
{
	fail(-EIO, "the sentence");
	assert_int_equal(log_failure(-EIO), -EIO);
	fail_clear();
	assert_int_equal(log_failure(-ENOENT), -ENOENT);
}

static void logs_failures(void **state)
{
	(void)state;
	log_open("prog", false, LOG_LEVEL_ERROR);
	catch (say_failure);
	assert_string_equal(caught, "prog: the sentence\nprog: No such file or directory\n");
}

static void say_much(void)
{
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_error("%s", big);
}

static void cuts_long_lines(void **state)
{
	(void)state;
	catch (say_much);
	assert_in_range(strlen(caught), 2000, 2200);
	assert_int_equal(caught[strlen(caught) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_plain_lines),
		cmocka_unit_test(writes_priorities_for_the_journal),
		cmocka_unit_test(logs_failures),
		cmocka_unit_test(cuts_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
