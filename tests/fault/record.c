/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See record.h. Events are taken where a system call has returned: the programs have one thread
 * each, and a parent waits for its child, so that this is their order.
 */
#include "tests/fault/record.h"

#include "common/cleanup.h"
#include "tests/fault/record_calls.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

/* --- a write that the disk forgets ------------------------------------------------------------ */

static bool is_device_write(struct recorder *recorder, const struct traced *traced)
{
	return (traced->number == SYS_pwrite64 || traced->number == SYS_write) &&
	       record_file_of_fd(recorder, traced->pid, traced->args[0]) == DEVICE_FILE;
}

static uint64_t write_offset(const struct traced *traced, size_t done)
{
	uint64_t offset = traced->args[3];
	unsigned flags;

	if (traced->number == SYS_write) {
		record_fd_info(traced->pid, traced->args[0], &offset, &flags);
		offset -= done;
	}
	return offset;
}

static void remember(struct recorder *recorder, struct traced *traced)
{
	CLEANUP_CLOSE int fd = -1;

	if (!recorder->drop || !is_device_write(recorder, traced) ||
	    ++recorder->writes != recorder->drop)
		return;
	fd = open(recorder->device, O_RDONLY | O_CLOEXEC);
	traced->lost_len = traced->args[2];
	traced->lost = malloc(traced->lost_len);
	if (!traced->lost || pread(fd, traced->lost, traced->lost_len,
				   (off_t)write_offset(traced, 0)) != (ssize_t)traced->lost_len)
		die("reading what a write will replace");
}

static void forget(const struct recorder *recorder, struct traced *traced)
{
	CLEANUP_CLOSE int fd = open(recorder->device, O_WRONLY | O_CLOEXEC);

	if (pwrite(fd, traced->lost, traced->lost_len,
		   (off_t)write_offset(traced, traced->lost_len)) != (ssize_t)traced->lost_len)
		die("taking a write back");
	free(TAKE_PTR(traced->lost));
}

/* --- tracing ---------------------------------------------------------------------------------- */

static struct traced *traced_of(struct recorder *recorder, pid_t pid)
{
	struct traced *free_one = NULL;

	for (size_t i = 0; i < TRACED_MAX; i++) {
		if (recorder->traced[i].pid == pid)
			return &recorder->traced[i];
		if (!recorder->traced[i].pid)
			free_one = &recorder->traced[i];
	}
	if (!free_one)
		die("too many processes");
	*free_one = (struct traced){ .pid = pid };
	return free_one;
}

static void on_stop(struct recorder *recorder, struct traced *traced)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, traced->pid, (void *)sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		traced->number = info.entry.nr;
		memcpy(traced->args, info.entry.args, sizeof(traced->args));
		remember(recorder, traced);
		return;
	}
	if (info.op != PTRACE_SYSCALL_INFO_EXIT || (info.exit.is_error && !record_is_asked(traced)))
		return;
	record_call(recorder, traced, info.exit.rval);
	if (traced->lost)
		forget(recorder, traced);
}

static int follow(struct recorder *recorder, pid_t first)
{
	for (;;) {
		int status, signal = 0, number;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			die("waiting: %s", strerror(errno));
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			traced_of(recorder, pid)->pid = 0;
			if (pid == first)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
			continue;
		}
		number = WSTOPSIG(status);
		if (number == (SIGTRAP | 0x80))
			on_stop(recorder, traced_of(recorder, pid));
		else if (number != SIGTRAP && number != SIGSTOP)
			signal = number;
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(uintptr_t)signal);
	}
}

static void know_files(struct recorder *recorder, const struct machine *base)
{
	char path[PATH_MAX + MACHINE_NAME + 1];
	struct stat st;

	for (size_t i = 0; i < base->name_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", recorder->state, base->names[i].name);
		if (stat(path, &st) < 0)
			die("%s: %s", path, strerror(errno));
		recorder->inodes[base->names[i].file] = st.st_ino;
	}
	recorder->file_count = (unsigned)base->file_count;
}

int record(const char *folder, const struct machine *base, const struct recorded *what,
	   struct log *ret)
{
	struct recorder recorder = { .log = ret, .drop = what->drop };
	pid_t pid;
	int status;

	snprintf(recorder.device, PATH_MAX, "%s/" MACHINE_DEVICE, folder);
	snprintf(recorder.table, PATH_MAX, "%s/" MACHINE_TABLE, folder);
	snprintf(recorder.state, PATH_MAX, "%s/" MACHINE_STATE, folder);
	know_files(&recorder, base);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(99);
		_exit(what->run(what->userdata));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
		die("a process can't be traced here: %s", strerror(errno));
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	status = follow(&recorder, pid);
	log_settle(ret);
	return status;
}
