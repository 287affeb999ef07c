/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See record.h. Events are taken where a system call has returned: the programs have one thread
 * each, and a parent waits for its child, so that this is their order.
 */
#include "tests/fault/record.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/fs.h>
#include <linux/ptrace.h>

#define TRACED_MAX 32

struct traced {
	pid_t pid;
	uint64_t number, args[6];
	uint8_t *lost; /* what a forgotten write would have replaced */
	size_t lost_len;
};

struct recorder {
	char device[PATH_MAX], state[PATH_MAX];
	struct log *log;
	size_t drop, writes;
	ino_t inodes[MACHINE_FILES];
	unsigned file_count;
	struct traced traced[TRACED_MAX];
};

/* --- which file ------------------------------------------------------------------------------- */

static bool fd_path(pid_t pid, uint64_t fd, char ret[static PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, (int)fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}

static const char *name_in_state(const struct recorder *recorder, const char *path)
{
	size_t len = strlen(recorder->state);

	return strncmp(path, recorder->state, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static int file_of_inode(struct recorder *recorder, ino_t inode)
{
	for (unsigned i = 0; i < recorder->file_count; i++) {
		if (recorder->inodes[i] == inode)
			return (int)i;
	}
	if (recorder->file_count == MACHINE_FILES)
		die("too many files for the model");
	recorder->inodes[recorder->file_count] = inode;
	return (int)recorder->file_count++;
}

/* The number of the file behind a descriptor; -1 when it is none of the machine's. */
static int file_of_fd(struct recorder *recorder, pid_t pid, uint64_t fd)
{
	char path[PATH_MAX], link[64];
	struct stat st;

	if (!fd_path(pid, fd, path))
		return -1;
	if (strcmp(path, recorder->device) == 0)
		return DEVICE_FILE;
	if (!name_in_state(recorder, path))
		return -1;
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, (int)fd);
	if (stat(link, &st) < 0)
		die("%s: %s", path, strerror(errno));
	return file_of_inode(recorder, st.st_ino);
}

static void fd_info(pid_t pid, uint64_t fd, uint64_t *ret_position, unsigned *ret_flags)
{
	char path[64], line[128];
	CLEANUP_FCLOSE FILE *file = NULL;
	unsigned long long position = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, (int)fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "pos: %llu", &position);
		sscanf(line, "flags: %o", ret_flags);
	}
	*ret_position = position;
}

/* --- events ----------------------------------------------------------------------------------- */

static void copy_from(pid_t pid, uint64_t address, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)(uintptr_t)address, len }; /* NOLINT: another process's */

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)len)
		die("reading the memory of %d: %s", pid, strerror(errno));
}

static void copy_text(pid_t pid, uint64_t address, char ret[static PATH_MAX])
{
	for (size_t i = 0; i < PATH_MAX; i++) {
		copy_from(pid, address + i, ret + i, 1);
		if (!ret[i])
			return;
	}
	die("too long a path");
}

static void add_write(struct recorder *recorder, pid_t pid, int file, uint64_t address,
		      uint64_t offset, size_t len, uint64_t fd)
{
	struct event event = { .kind = EVENT_WRITE,
			       .file = (unsigned)file,
			       .offset = offset,
			       .len = len,
			       .data = share(MAX(len, 1)) };
	uint64_t position;
	unsigned flags = 0;

	fd_info(pid, fd, &position, &flags);
	event.is_through = (flags & O_DSYNC) != 0; /* O_SYNC has this bit too */
	copy_from(pid, address, event.data, len);
	log_add(recorder->log, event);
}

static void add(struct recorder *recorder, enum event_kind kind, int file)
{
	log_add(recorder->log, (struct event){ .kind = kind, .file = (unsigned)file });
}

static void on_write(struct recorder *recorder, const struct traced *traced, int64_t result)
{
	int file = file_of_fd(recorder, traced->pid, traced->args[0]);
	uint64_t offset = traced->args[3];
	unsigned flags = 0;

	if (file < 0)
		return;
	if (traced->number == SYS_write) {
		fd_info(traced->pid, traced->args[0], &offset, &flags);
		offset -= (uint64_t)result;
	}
	add_write(recorder, traced->pid, file, traced->args[1], offset, (size_t)result,
		  traced->args[0]);
}

static void on_vector(struct recorder *recorder, const struct traced *traced, int64_t result)
{
	int file = file_of_fd(recorder, traced->pid, traced->args[0]);
	uint64_t offset;
	unsigned flags = 0;
	size_t left = (size_t)result;

	if (file < 0)
		return;
	if (traced->number != SYS_writev)
		die("pwritev isn't known here");
	fd_info(traced->pid, traced->args[0], &offset, &flags);
	offset -= (uint64_t)result;
	for (uint64_t i = 0; left && i < traced->args[2]; i++) {
		struct iovec part;
		size_t n;

		copy_from(traced->pid, traced->args[1] + i * sizeof(part), &part, sizeof(part));
		n = MIN(left, part.iov_len);
		add_write(recorder, traced->pid, file, (uintptr_t)part.iov_base, offset, n,
			  traced->args[0]);
		offset += n;
		left -= n;
	}
}

static void on_sync(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	char path[PATH_MAX];
	int file;

	if (!fd_path(traced->pid, traced->args[0], path))
		return;
	if (strcmp(path, recorder->state) == 0) {
		add(recorder, traced->number == SYS_syncfs ? EVENT_SYNC_ALL : EVENT_SYNC_NAMES, 0);
		return;
	}
	file = file_of_fd(recorder, traced->pid, traced->args[0]);
	if (file >= 0)
		add(recorder, EVENT_SYNC, file);
}

static void on_resize(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	int file = file_of_fd(recorder, traced->pid, traced->args[0]);

	if (file >= 0)
		log_add(recorder->log, (struct event){ .kind = EVENT_RESIZE,
						       .file = (unsigned)file,
						       .offset = traced->args[1] });
}

/* A new file in the folder, or an old one cut to nothing. */
static void on_open(struct recorder *recorder, const struct traced *traced, int64_t result)
{
	uint64_t flags = traced->args[traced->number == SYS_openat ? 2 : 1];
	unsigned count = recorder->file_count;
	struct event event = { .kind = EVENT_CREATE };
	char path[PATH_MAX];
	const char *name;
	int file;

	if (!(flags & (O_CREAT | O_TRUNC)) || !fd_path(traced->pid, (uint64_t)result, path))
		return;
	name = name_in_state(recorder, path);
	file = file_of_fd(recorder, traced->pid, (uint64_t)result);
	if (!name || file < 0)
		return;
	event.file = (unsigned)file;
	if (recorder->file_count == count)
		event.kind = EVENT_RESIZE;
	snprintf(event.name, sizeof(event.name), "%s", name);
	if (event.kind == EVENT_CREATE || (flags & O_TRUNC))
		log_add(recorder->log, event);
}

/* Names are given as paths within the machine's folder, where the programs run. */
static const char *state_name(char path[static PATH_MAX], const char *state)
{
	const char *end = strstr(path, MACHINE_STATE "/");

	(void)state;
	return end ? end + strlen(MACHINE_STATE "/") : NULL;
}

static void on_rename(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	bool is_at = traced->number != SYS_rename;
	struct event event = { .kind = EVENT_RENAME };
	char from[PATH_MAX], to[PATH_MAX];

	copy_text(traced->pid, traced->args[is_at ? 1 : 0], from);
	copy_text(traced->pid, traced->args[is_at ? 3 : 1], to);
	if (!state_name(from, recorder->state) || !state_name(to, recorder->state))
		return;
	snprintf(event.name, sizeof(event.name), "%s", state_name(from, recorder->state));
	snprintf(event.to, sizeof(event.to), "%s", state_name(to, recorder->state));
	log_add(recorder->log, event);
}

static void on_unlink(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	struct event event = { .kind = EVENT_REMOVE };
	char path[PATH_MAX];

	copy_text(traced->pid, traced->args[traced->number == SYS_unlink ? 0 : 1], path);
	if (!state_name(path, recorder->state))
		return;
	snprintf(event.name, sizeof(event.name), "%s", state_name(path, recorder->state));
	log_add(recorder->log, event);
}

static void on_map(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	const uint64_t shared_write = 2, shared = 1; /* PROT_WRITE, MAP_SHARED */

	if ((traced->args[2] & shared_write) && (traced->args[3] & shared) &&
	    file_of_fd(recorder, traced->pid, traced->args[4]) >= 0)
		die("a shared mapping isn't known here");
}

/* fallocate and ioctl that change content: the tools fall back to writes on a file. */
static void on_unknown(struct recorder *recorder, const struct traced *traced,
		       int64_t result UNUSED)
{
	if (traced->number == SYS_ioctl && traced->args[1] != BLKZEROOUT &&
	    traced->args[1] != BLKDISCARD)
		return;
	if (file_of_fd(recorder, traced->pid, traced->args[0]) >= 0)
		die("system call %llu on the machine's files isn't known here",
		    (unsigned long long)traced->number);
}

static void on_always_unknown(struct recorder *recorder UNUSED, const struct traced *traced,
			      int64_t result UNUSED)
{
	die("system call %llu isn't known here", (unsigned long long)traced->number);
}

static const struct {
	uint64_t number;
	void (*on)(struct recorder *recorder, const struct traced *traced, int64_t result);
} calls[] = {
	{ SYS_write, on_write },
	{ SYS_pwrite64, on_write },
	{ SYS_writev, on_vector },
	{ SYS_pwritev, on_vector },
	{ SYS_pwritev2, on_vector },
	{ SYS_fsync, on_sync },
	{ SYS_fdatasync, on_sync },
	{ SYS_syncfs, on_sync },
	{ SYS_ftruncate, on_resize },
	{ SYS_openat, on_open },
	{ SYS_renameat2, on_rename },
	{ SYS_unlinkat, on_unlink },
#ifdef SYS_open /* not on newer architectures */
	{ SYS_open, on_open },
	{ SYS_rename, on_rename },
	{ SYS_renameat, on_rename },
	{ SYS_unlink, on_unlink },
#endif
	{ SYS_mmap, on_map },
	{ SYS_ioctl, on_unknown },
	{ SYS_fallocate, on_unknown },
	{ SYS_copy_file_range, on_always_unknown },
	{ SYS_sendfile, on_always_unknown },
	{ SYS_io_uring_setup, on_always_unknown },
};

/* --- a write that the disk forgets ------------------------------------------------------------ */

static bool is_device_write(struct recorder *recorder, const struct traced *traced)
{
	return (traced->number == SYS_pwrite64 || traced->number == SYS_write) &&
	       file_of_fd(recorder, traced->pid, traced->args[0]) == DEVICE_FILE;
}

static uint64_t write_offset(const struct traced *traced, size_t done)
{
	uint64_t offset = traced->args[3];
	unsigned flags;

	if (traced->number == SYS_write) {
		fd_info(traced->pid, traced->args[0], &offset, &flags);
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
	if (info.op != PTRACE_SYSCALL_INFO_EXIT || info.exit.is_error)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].number == traced->number)
			calls[i].on(recorder, traced, info.exit.rval);
	}
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

static void know_files(struct recorder *recorder, const char *folder)
{
	static struct machine *base;
	char path[PATH_MAX + MACHINE_NAME + 1];
	struct stat st;

	if (!base) {
		base = share(sizeof(*base));
		machine_make(base);
	}
	machine_load(base, folder); /* numbers the files as whoever loads this folder does */
	for (size_t i = 0; i < base->name_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", recorder->state, base->names[i].name);
		if (stat(path, &st) < 0)
			die("%s: %s", path, strerror(errno));
		recorder->inodes[base->names[i].file] = st.st_ino;
	}
	recorder->file_count = (unsigned)base->file_count;
}

int record(const char *folder, int (*run)(void *userdata), void *userdata, size_t drop,
	   struct log *ret)
{
	struct recorder recorder = { .log = ret, .drop = drop };
	pid_t pid;
	int status;

	snprintf(recorder.device, PATH_MAX, "%s/" MACHINE_DEVICE, folder);
	snprintf(recorder.state, PATH_MAX, "%s/" MACHINE_STATE, folder);
	know_files(&recorder, folder);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(99);
		_exit(run(userdata));
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
