/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of each process, by libseccomp (the only file that knows it). A call that
 * isn't listed fails with EPERM, so that a new libc asks in vain instead of taking the service
 * down; the ones that only an intruder makes kill.
 */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

#define BIT(kind) (1U << (kind))
#define CHILDREN                                                                                   \
	(BIT(PROCESS_CORE) | BIT(PROCESS_FRONT) | BIT(PROCESS_ADMIN) | BIT(PROCESS_COURIER))
#define STORES (BIT(PROCESS_CORE) | BIT(PROCESS_ADMIN))
#define CLIENTS (BIT(PROCESS_FRONT) | BIT(PROCESS_ADMIN))

struct sandbox_row {
	uint32_t kinds;
	const char *names; /* separated by spaces */
};

/* Time, memory, signals, the end; messages by the pairs; the event loop. */
static const char calls_common[] =
	"brk clock_gettime clock_nanosleep close epoll_create1 epoll_ctl epoll_pwait "
	"epoll_wait eventfd2 exit exit_group fcntl fstat futex getegid geteuid getgid getpid "
	"getppid getrandom gettid gettimeofday getuid madvise mlock mlock2 mremap munlock "
	"munmap nanosleep newfstatat pipe2 poll ppoll prlimit64 pselect6 read readv recvfrom "
	"recvmsg restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn "
	"sched_getaffinity sched_yield select sendmsg sendto set_robust_list sigaltstack "
	"sysinfo tgkill time timerfd_create timerfd_settime uname write writev ";

/* An accepted socket: its options, its end, how much is waiting. */
static const char calls_clients[] = "getpeername getsockname getsockopt ioctl setsockopt shutdown ";

/* What SQLite does with its files, and the process's own configuration files. */
static const char calls_files[] =
	"access chmod dup faccessat faccessat2 fadvise64 fallocate fchmod fchown fdatasync "
	"flock fstatfs fsync ftruncate getcwd getdents64 lseek lstat mkdir mkdirat msync "
	"open openat pread64 pwrite64 readlink readlinkat rename renameat renameat2 rmdir "
	"stat statfs statx umask unlink unlinkat utimensat ";

/* Connecting to the database again; where to, a filter can't see. socket() is in add_sockets(). */
static const char calls_connecting[] =
	"connect getpeername getsockname getsockopt setsockopt shutdown ";

/* Connecting to elsewhere, resolving names (a thread each), and reading what that needs; which
 * files those may be is server/courier/confine.c's. No socket of the file system: behind one of
 * them may be the database. */
static const char calls_courier[] =
	"access bind connect faccessat faccessat2 fadvise64 getpeername getsockname getsockopt "
	"ioctl lseek lstat pread64 readlink readlinkat recvmmsg sendmmsg setsockopt shutdown "
	"socketpair stat statx ";

/* Nothing of ours makes these after its start. */
static const char calls_deadly[] =
	"acct add_key bpf chroot delete_module execve execveat finit_module init_module "
	"ioperm iopl kexec_file_load kexec_load keyctl mount move_mount open_by_handle_at "
	"perf_event_open personality pivot_root process_vm_readv process_vm_writev ptrace "
	"reboot request_key setns swapoff swapon umount2 unshare userfaultfd ";

static const struct sandbox_row sandbox_rows[] = {
	{ CHILDREN, calls_common },
	{ CLIENTS, calls_clients },
	{ STORES, calls_files },
	{ BIT(PROCESS_CORE), "shutdown " }, /* drops who breaks the contract */
	{ BIT(PROCESS_COURIER), calls_courier },
};

/* Adds one action for each named call; names that this architecture doesn't have are passed over.
 * */
static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *names)
{
	char name[32];
	int used, r;

	for (; sscanf(names, "%31s%n", name, &used) == 1; names += used) {
		int number = seccomp_syscall_resolve_name(name);

		if (number < 0)
			continue;
		r = seccomp_rule_add(filter, action, number, 0);
		if (r < 0)
			return fail(r, "can't filter system call %s: %s", name, strerror(-r));
	}
	return 0;
}

/* Memory never becomes executable; threads (never processes) where SQLite's process wants one. */
static int add_special(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int r;

	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
	if (!r) /* libc falls back to clone(), whose flags a filter can see */
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r < 0)
		return fail(r, "can't filter system calls: %s", strerror(-r));
	return 0;
}

static int add_family(scmp_filter_ctx filter, int number)
{
	const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)number);
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, family);

	return r < 0 ? fail(r, "can't filter system calls: %s", strerror(-r)) : 0;
}

/* Sockets of the families that the store needs. */
static int add_sockets(scmp_filter_ctx filter, enum process_reach reach)
{
	static const struct {
		enum process_reach from;
		int family;
	} families[] = {
		{ PROCESS_REACH_SOCKET, AF_UNIX },
		{ PROCESS_REACH_NETWORK, AF_INET },
		{ PROCESS_REACH_NETWORK, AF_INET6 },
	};
	int r = reach > PROCESS_REACH_FILES ? add_calls(filter, SCMP_ACT_ALLOW, calls_connecting)
					    : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		if (reach >= families[i].from)
			r = add_family(filter, families[i].family);
	return r;
}

/* The resolver asks the kernel for its addresses. Files are only read. */
static int add_courier(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6, AF_NETLINK };
	const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE;
	const struct scmp_arg_cmp reads = SCMP_A2(SCMP_CMP_MASKED_EQ,
						  writes & ~(uint64_t)O_DIRECTORY, O_RDONLY);
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, reads);

	if (r < 0)
		return fail(r, "can't filter system calls: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = add_family(filter, families[i]);
	return r;
}

static int fill(scmp_filter_ctx filter, enum process_kind kind, enum process_reach reach)
{
	int r = add_calls(filter, SCMP_ACT_KILL_PROCESS, calls_deadly);

	if (r < 0 || kind == PROCESS_MONITOR)
		return r;
	if (BIT(kind) & STORES)
		r = add_sockets(filter, reach);
	if (kind == PROCESS_COURIER)
		r = add_courier(filter);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_rows); i++) {
		if (!(sandbox_rows[i].kinds & BIT(kind)))
			continue;
		r = add_calls(filter, SCMP_ACT_ALLOW, sandbox_rows[i].names);
		if (r < 0)
			return r;
	}
	return add_special(filter);
}

int process_sandbox(enum process_kind kind, enum process_reach reach)
{
	/* The monitor starts children, which need everything until they filter themselves. */
	uint32_t otherwise = kind == PROCESS_MONITOR ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int r;

	if (!filter)
		return fail(-ENOMEM, "%s: can't make a system call filter",
			    process_table[kind].name);
	r = fill(filter, kind, reach);
	if (!r) {
		r = seccomp_load(filter);
		if (r < 0)
			r = fail(r, "can't load the system call filter: %s", strerror(-r));
	}
	seccomp_release(filter);
	return r < 0 ? fail_at(r, "%s", process_table[kind].name) : 0;
}
