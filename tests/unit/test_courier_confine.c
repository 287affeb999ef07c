/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confine_files(): which files the courier can still read, tried in a child. A kernel without
 * Landlock can't show it; then only that it is told apart is checked.
 * UNIT_SOURCES: server/courier/confine.c
 */
#include "server/courier/confine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { READS = 0, CANNOT = 1, UNAVAILABLE = 2, FAILED = 3 };

static int try(const char *path)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : confine_files();

		if (r != 0)
			_exit(r < 0 ? FAILED : UNAVAILABLE);
		_exit(open(path, O_RDONLY | O_CLOEXEC) < 0 ? CANNOT : READS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void reads_what_resolving_needs_and_nothing_else(void **state)
{
	char path[] = "/tmp/panocrypt-confine-XXXXXX";
	int fd = mkstemp(path);
	int seen = try("/etc/nsswitch.conf");

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	if (seen == UNAVAILABLE) {
		print_message("this kernel has no Landlock\n");
		unlink(path);
		skip();
	}
	assert_int_equal(seen, READS);
	assert_int_equal(try("/etc/hosts"), READS);
	assert_int_equal(try("/etc/ssl/certs"), READS);
	assert_int_equal(try(path), CANNOT);
	assert_int_equal(try("/proc/self/environ"), CANNOT);
	assert_int_equal(try("/var/lib"), CANNOT);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_resolving_needs_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
