/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See record_calls.h. One table of system calls; what isn't in it can't change a file's content.
 */
#include "tests/fault/record_calls.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/fs.h>

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

void record_fd_info(pid_t pid, uint64_t fd, uint64_t *ret_position, unsigned *ret_flags)
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

int record_file_of_fd(struct recorder *recorder, pid_t pid, uint64_t fd)
{
	char path[PATH_MAX], link[64];
	struct stat st;

	if (!fd_path(pid, fd, path))
		return -1;
	if (strcmp(path, recorder->device) == 0) {
		uint64_t position;
		unsigned flags = 0;

		/* in a view what a tool "writes" goes to memory: its descriptor can't write */
		record_fd_info(pid, fd, &position, &flags);
		return (flags & O_ACCMODE) == O_RDONLY ? -1 : DEVICE_FILE;
	}
	if (strcmp(path, recorder->table) == 0)
		return TABLE_FILE;
	if (!name_in_state(recorder, path))
		return -1;
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, (int)fd);
	if (stat(link, &st) < 0)
		die("%s: %s", path, strerror(errno));
	return file_of_inode(recorder, st.st_ino);
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

	record_fd_info(pid, fd, &position, &flags);
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
	int file = record_file_of_fd(recorder, traced->pid, traced->args[0]);
	uint64_t offset = traced->args[3];
	unsigned flags = 0;

	if (file < 0)
		return;
	if (traced->number == SYS_write) {
		record_fd_info(traced->pid, traced->args[0], &offset, &flags);
		offset -= (uint64_t)result;
	}
	add_write(recorder, traced->pid, file, traced->args[1], offset, (size_t)result,
		  traced->args[0]);
}

static void on_vector(struct recorder *recorder, const struct traced *traced, int64_t result)
{
	int file = record_file_of_fd(recorder, traced->pid, traced->args[0]);
	uint64_t offset;
	unsigned flags = 0;
	size_t left = (size_t)result;

	if (file < 0)
		return;
	if (traced->number != SYS_writev)
		die("pwritev isn't known here");
	record_fd_info(traced->pid, traced->args[0], &offset, &flags);
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
	file = record_file_of_fd(recorder, traced->pid, traced->args[0]);
	if (file >= 0)
		add(recorder, EVENT_SYNC, file);
}

static void on_resize(struct recorder *recorder, const struct traced *traced, int64_t result UNUSED)
{
	int file = record_file_of_fd(recorder, traced->pid, traced->args[0]);

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
	file = record_file_of_fd(recorder, traced->pid, (uint64_t)result);
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
	    record_file_of_fd(recorder, traced->pid, traced->args[4]) >= 0)
		die("a shared mapping isn't known here");
}

/* fallocate and ioctl that change content: the tools fall back to writes on a file. */
static void on_unknown(struct recorder *recorder, const struct traced *traced,
		       int64_t result UNUSED)
{
	char path[PATH_MAX];

	if (record_is_asked(traced)) {
		if (fd_path(traced->pid, traced->args[0], path) &&
		    strcmp(path, recorder->state) == 0)
			add(recorder, EVENT_FREEZE, 0);
		return;
	}
	if (traced->number == SYS_ioctl && traced->args[1] != BLKZEROOUT &&
	    traced->args[1] != BLKDISCARD)
		return;
	if (record_file_of_fd(recorder, traced->pid, traced->args[0]) >= 0)
		die("system call %llu on the machine's files isn't known here",
		    (unsigned long long)traced->number);
}

bool record_is_asked(const struct traced *traced)
{
	return traced->number == SYS_ioctl && (uint32_t)traced->args[1] == FIFREEZE;
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

void record_call(struct recorder *recorder, const struct traced *traced, int64_t result)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].number == traced->number)
			calls[i].on(recorder, traced, result);
	}
}
