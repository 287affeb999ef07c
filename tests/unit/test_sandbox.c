/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * process_sandbox(): what each process can't do any more. Each try runs in a child.
 * UNIT_SOURCES: server/sandbox.c server/process.c
 */
#include "server/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { WORKS = 0, FORBIDDEN = 1, NO_SANDBOX = 2, KILLED = 128 };

static int try_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int try_write(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int try_create(void)
{
	return open("/tmp/panocrypt-sandbox-test", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int try_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int try_raw_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -1 : listen(fd, 1);
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int try_executable(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static int try_memory(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : munmap(at, 4096);
}

static int try_exec(void)
{
	char *const argv[] = { NULL };

	return execve("/nonexistent", argv, argv);
}

static int try_setuid(void)
{
	return setuid(getuid());
}

static int outcome(enum process_kind kind, enum process_reach reach, int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || process_sandbox(kind, reach) < 0)
			_exit(NO_SANDBOX);
		_exit(attempt() >= 0 ? WORKS : FORBIDDEN);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forbids_what_the_table_says(void **state)
{
	static const struct {
		const char *what;
		int (*attempt)(void);
		int want[PROCESS_KIND_COUNT]; /* monitor, core, front, admin, courier */
	} rows[] = {
		{ "memory", try_memory, { WORKS, WORKS, WORKS, WORKS, WORKS } },
		{ "read a file", try_open, { WORKS, WORKS, FORBIDDEN, WORKS, WORKS } },
		{ "write a file", try_write, { WORKS, WORKS, FORBIDDEN, WORKS, FORBIDDEN } },
		{ "make a socket", try_socket, { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, WORKS } },
		{ "make a local socket",
		  try_local_socket,
		  { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "listen", try_listen, { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "fork", try_fork, { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "executable memory",
		  try_executable,
		  { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "change the user",
		  try_setuid,
		  { WORKS, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "execute",
		  try_exec,
		  { KILLED + SIGSYS, KILLED + SIGSYS, KILLED + SIGSYS, KILLED + SIGSYS,
		    KILLED + SIGSYS } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int kind = 0; kind < PROCESS_KIND_COUNT; kind++) {
			int got = outcome((enum process_kind)kind, PROCESS_REACH_FILES,
					  rows[i].attempt);

			if (got != rows[i].want[kind])
				fail_msg("%s, %s: %d, wanted %d", process_table[kind].name,
					 rows[i].what, got, rows[i].want[kind]);
		}
	}
}

/* Reading is all that the courier may do with files, and making them is none of it. */
static void lets_the_courier_only_read(void **state)
{
	(void)state;
	assert_int_equal(outcome(PROCESS_COURIER, PROCESS_REACH_FILES, try_create), FORBIDDEN);
	assert_int_equal(access("/tmp/panocrypt-sandbox-test", F_OK), -1);
}

/* What core and admin keep to connect to their database again, and that front never does. */
static void connects_as_far_as_the_store_needs(void **state)
{
	static const struct {
		const char *what;
		int (*attempt)(void);
		int want[3]; /* by files, by socket, by network */
	} rows[] = {
		{ "make a local socket", try_local_socket, { FORBIDDEN, WORKS, WORKS } },
		{ "make a network socket", try_socket, { FORBIDDEN, FORBIDDEN, WORKS } },
		{ "make another socket", try_raw_socket, { FORBIDDEN, FORBIDDEN, FORBIDDEN } },
		{ "listen", try_listen, { FORBIDDEN, FORBIDDEN, FORBIDDEN } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int reach = 0; reach < 3; reach++) {
			enum process_reach to = (enum process_reach)reach;

			assert_int_equal(outcome(PROCESS_CORE, to, rows[i].attempt),
					 rows[i].want[reach]);
			assert_int_equal(outcome(PROCESS_ADMIN, to, rows[i].attempt),
					 rows[i].want[reach]);
			assert_int_equal(outcome(PROCESS_FRONT, to, rows[i].attempt), FORBIDDEN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbids_what_the_table_says),
		cmocka_unit_test(lets_the_courier_only_read),
		cmocka_unit_test(connects_as_far_as_the_store_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
