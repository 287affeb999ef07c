/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See view.h. Which of the child's descriptors is the device is asked of /proc at each call, so
 * that none has to be followed through dup() and close().
 */
#include "bootstrap/view.h"

#include "bootstrap/view_blocks.h"
#include "bootstrap/view_filter.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define CHUNK_BYTES (256 * KIB) /* of one call's data at a time */

struct view {
	struct view_blocks blocks;
	int listener, socket[2];
	struct stat id;
	uint8_t *buffer; /* CHUNK_BYTES */
	struct spawn_watch watch;
	char trouble[160]; /* "" when there is none */
};

static int trouble(struct view *view, int r, const char *what)
{
	if (!view->trouble[0])
		snprintf(view->trouble, sizeof(view->trouble), "%s", what);
	return r;
}

/* --- the child's calls ------------------------------------------------------------------------ */

static bool is_same(const struct view *view, const struct stat *st)
{
	if (S_ISBLK(view->id.st_mode))
		return S_ISBLK(st->st_mode) && st->st_rdev == view->id.st_rdev;
	return st->st_dev == view->id.st_dev && st->st_ino == view->id.st_ino;
}

static bool is_device(const struct view *view, const struct seccomp_notif *call)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", call->pid, (int)call->data.args[0]);
	return stat(path, &st) == 0 && is_same(view, &st);
}

/* Its memory, at `address`; all of it or -EFAULT. */
static int copy_in(const struct seccomp_notif *call, uint64_t address, uint8_t *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)(uintptr_t)address, len };

	return process_vm_readv((pid_t)call->pid, &local, 1, &remote, 1, 0) == (ssize_t)len
		       ? 0
		       : -EFAULT;
}

static int copy_out(const struct seccomp_notif *call, uint64_t address, uint8_t *from, size_t len)
{
	struct iovec local = { from, len }, remote = { (void *)(uintptr_t)address, len };

	return process_vm_writev((pid_t)call->pid, &local, 1, &remote, 1, 0) == (ssize_t)len
		       ? 0
		       : -EFAULT;
}

static int64_t do_read(struct view *view, const struct seccomp_notif *call, uint64_t offset)
{
	uint64_t len = call->data.args[2], done = 0;

	while (done < len) {
		ssize_t n = view_blocks_read(&view->blocks, offset + done, view->buffer,
					     (size_t)MIN(len - done, CHUNK_BYTES));
		int r = n > 0 ? copy_out(call, call->data.args[1] + done, view->buffer, (size_t)n)
			      : 0;

		if (n < 0 || r < 0)
			return n < 0 ? n : r;
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

static int64_t do_write(struct view *view, const struct seccomp_notif *call, uint64_t offset)
{
	uint64_t len = call->data.args[2], done = 0;

	while (done < len) {
		size_t n = (size_t)MIN(len - done, CHUNK_BYTES);
		const char *why = "";
		int r = copy_in(call, call->data.args[1] + done, view->buffer, n);

		if (r < 0)
			return r;
		r = view_blocks_write(&view->blocks, offset + done, view->buffer, n, &why);
		if (r < 0)
			return trouble(view, r, why);
		done += n;
	}
	return (int64_t)done;
}

/* read(2) and write(2) go by the descriptor's own position, which a copy of it shares. */
static int64_t at_position(struct view *view, const struct seccomp_notif *call,
			   int64_t (*act)(struct view *, const struct seccomp_notif *, uint64_t))
{
	CLEANUP_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, call->pid, 0);
	CLEANUP_CLOSE int fd = pidfd < 0 ? -1
					 : (int)syscall(SYS_pidfd_getfd, pidfd,
							(int)call->data.args[0], 0);
	off_t at = fd < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
	int64_t n;

	if (at < 0)
		return trouble(view, -EIO, "a program's position in the device is not known");
	n = act(view, call, (uint64_t)at);
	if (n > 0 && lseek(fd, at + n, SEEK_SET) < 0)
		return trouble(view, -EIO, "a program's position in the device can't be set");
	return n;
}

static int64_t on_read(struct view *view, const struct seccomp_notif *call)
{
	return at_position(view, call, do_read);
}

static int64_t on_write(struct view *view, const struct seccomp_notif *call)
{
	return at_position(view, call, do_write);
}

static int64_t on_pread(struct view *view, const struct seccomp_notif *call)
{
	return do_read(view, call, call->data.args[3]);
}

static int64_t on_pwrite(struct view *view, const struct seccomp_notif *call)
{
	return do_write(view, call, call->data.args[3]);
}

/* To zero or to discard: e2fsprogs writes zeros instead. */
static int64_t on_fallocate(struct view *view UNUSED, const struct seccomp_notif *call UNUSED)
{
	return -EOPNOTSUPP;
}

/* resize2fs cuts a file to the size of the filesystem in it: as on a device, nothing happens. */
static int64_t on_ftruncate(struct view *view UNUSED, const struct seccomp_notif *call UNUSED)
{
	return 0;
}

static const struct {
	int call;
	int64_t (*act)(struct view *view, const struct seccomp_notif *call);
} acts[] = {
	{ SYS_read, on_read },		 { SYS_write, on_write },
	{ SYS_pread64, on_pread },	 { SYS_pwrite64, on_pwrite },
	{ SYS_fallocate, on_fallocate }, { SYS_ftruncate, on_ftruncate },
};

/* --- opening ---------------------------------------------------------------------------------- */

/* The path that is being opened, as we can open it; "" when it can't be read. */
static void path_of(const struct seccomp_notif *call, char ret[static PATH_MAX + 64])
{
	bool has_folder = call->data.nr == SYS_openat;
	uint64_t address = call->data.args[has_folder ? 1 : 0];
	int folder = has_folder ? (int)call->data.args[0] : AT_FDCWD;
	char name[PATH_MAX] = "";
	size_t len = 0;

	/* up to the end of a page at a time: what follows may not be mapped */
	while (len < sizeof(name) && !memchr(name, '\0', len)) {
		size_t n = MIN(4096 - (size_t)((address + len) % 4096), sizeof(name) - len);

		if (copy_in(call, address + len, (uint8_t *)name + len, n) < 0)
			break;
		len += n;
	}
	ret[0] = '\0';
	if (!len || !memchr(name, '\0', len))
		return;
	if (name[0] == '/')
		snprintf(ret, PATH_MAX + 64, "%s", name);
	else if (folder == AT_FDCWD)
		snprintf(ret, PATH_MAX + 64, "/proc/%u/cwd/%s", call->pid, name);
	else
		snprintf(ret, PATH_MAX + 64, "/proc/%u/fd/%d/%s", call->pid, folder, name);
}

/* Gives the child a descriptor of the device that can't write. The number it got, or negative. */
static int64_t give_device(struct view *view, const struct seccomp_notif *call, const char *path,
			   int flags)
{
	CLEANUP_CLOSE int fd = open(path, (flags & (O_EXCL | O_NONBLOCK)) | O_RDONLY | O_CLOEXEC);
	struct seccomp_notif_addfd give = { .id = call->id,
					    .srcfd = (unsigned)fd,
					    .newfd_flags = (unsigned)(flags & O_CLOEXEC) };
	int number;

	if (fd < 0)
		return -errno;
	number = ioctl(view->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give);
	return number < 0 ? trouble(view, -errno, "the kernel is older than 5.9") : number;
}

/* True when the call was for the device, and is answered. */
static bool answer_open(struct view *view, const struct seccomp_notif *call, int64_t *ret)
{
	char path[PATH_MAX + 64];
	struct stat st;

	path_of(call, path);
	if (!path[0] || stat(path, &st) < 0 || !is_same(view, &st))
		return false;
	*ret = give_device(view, call, path,
			   (int)call->data.args[call->data.nr == SYS_openat ? 2 : 1]);
	return true;
}

static bool is_open(int call)
{
#ifdef SYS_open
	if (call == SYS_open)
		return true;
#endif
	return call == SYS_openat;
}

/* False: the kernel shall do it itself. */
static bool answer(struct view *view, const struct seccomp_notif *call, int64_t *ret)
{
	if (is_open(call->data.nr))
		return answer_open(view, call, ret);
	if (!is_device(view, call))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		if (acts[i].call == call->data.nr) {
			*ret = acts[i].act(view, call);
			return true;
		}
	}
	*ret = -ENOSYS;
	return true;
}

/* One call. Whoever waited for the answer may be gone meanwhile: ENOENT. */
static int serve(struct spawn_watch *watch)
{
	struct view *view = watch->userdata;
	struct seccomp_notif call;
	struct seccomp_notif_resp said = { 0 };
	int64_t value = 0;

	if (view->listener < 0) {
		int r = view_filter_receive(view->socket[0], &view->listener);

		watch->fd = view->listener;
		return r;
	}
	memset(&call, 0, sizeof(call)); /* the kernel wants zeros */
	if (ioctl(view->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
	said.id = call.id;
	if (!answer(view, &call, &value))
		said.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		said.error = (int)value;
	else
		said.val = value;
	if (ioctl(view->listener, SECCOMP_IOCTL_NOTIF_SEND, &said) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int enter(struct spawn_watch *watch)
{
	const struct view *view = watch->userdata;

	return view_filter_enter(view->socket[1]);
}

/* --- the view --------------------------------------------------------------------------------- */

static void end_watch(struct view *view)
{
	int *fds[] = { &view->listener, &view->socket[0], &view->socket[1] };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void view_close(struct view *view)
{
	end_watch(view);
	view_blocks_done(&view->blocks);
	free(view->buffer);
	free(view);
}

int view_open(const char *device, size_t max_blocks, struct view **ret)
{
	CLEANUP(view_closep) struct view *view = calloc(1, sizeof(*view));
	int r;

	if (!view)
		return -ENOMEM;
	view->blocks.fd = view->listener = view->socket[0] = view->socket[1] = -1;
	view->buffer = malloc(CHUNK_BYTES);
	if (!view->buffer)
		return -ENOMEM;
	r = view_blocks_open(device, max_blocks, &view->blocks);
	if (r < 0)
		return r;
	if (fstat(view->blocks.fd, &view->id) < 0)
		return fail(-errno, "opening %s: %s", device, strerror(errno));
	*ret = TAKE_PTR(view);
	return 0;
}

struct spawn_watch *view_watch(struct view *view)
{
	if (!view)
		return NULL;
	end_watch(view);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, view->socket) < 0)
		trouble(view, -errno, "no sockets can be had");
	view->watch = (struct spawn_watch){
		.enter = enter, .serve = serve, .fd = view->socket[0], .userdata = view
	};
	return &view->watch;
}

int view_status(const struct view *view)
{
	return view->trouble[0] ? fail(-EIO, "nothing was changed, because %s", view->trouble) : 0;
}

size_t view_count(const struct view *view)
{
	return view->blocks.count;
}

const uint8_t *view_block(const struct view *view, size_t i, uint64_t *ret_offset_bytes)
{
	*ret_offset_bytes = view->blocks.changes[i].offset_bytes;
	return view->blocks.changes[i].data;
}
