/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See spawn.h. Works in the initramfs too. The child gets a session of its own (no terminal to ask
 * on, one group to kill), no descriptor but 0, 1 and 2, and only the environment made here.
 */
#include "bootstrap/spawn.h"

#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 3600
#define DEFAULT_OUTPUT_MAX (1 * MIB)
#define SECRET_OUTPUT_MAX (64 * KIB)
#define TAIL_BYTES 400 /* of what a failed program said last */
#define ENV_MAX 48
#define CLOSE_RANGE_ON_EXEC 4U /* CLOSE_RANGE_CLOEXEC, linux/close_range.h */

static const char *const search_path[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

/* What the program says. Exactly one of text and secret is set when stdout is wanted. */
struct sink {
	struct strbuf *text;
	struct secret *secret; /* of SECRET_OUTPUT_MAX; len says what is filled */
	size_t max_bytes;
	bool is_over;
	char tail[TAIL_BYTES + 1];
	size_t tail_len;
};

struct child {
	pid_t pid;
	int pidfd;
	int in, out, err; /* our ends; -1 when closed */
	struct spawn_watch *watch;
	int exec_error; /* the child writes errno here when it can't become the program */
	const uint8_t *input;
	size_t input_len;
	uint64_t deadline_ms;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- in the child ----------------------------------------------------------------------------- */

static int program_path(const char *program, char *ret, size_t size)
{
	if (strchr(program, '/'))
		return snprintf(ret, size, "%s", program) < (int)size && access(ret, X_OK) == 0
			       ? 0
			       : -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(search_path); i++) {
		if (snprintf(ret, size, "%s/%s", search_path[i], program) < (int)size &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* In the initramfs HOME is / as the kernel gives it to init: there curl finds the same /.curlrc as
 * in Clevis's own loop. */
static void make_environment(const struct spawn *spawn, char *env[static ENV_MAX])
{
	static char path[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin", locale[] = "LC_ALL=C";
	static char home[] = "HOME=/root", initramfs_home[] = "HOME=/";
	size_t n = 0;

	env[n++] = path;
	env[n++] = locale;
	env[n++] = access("/scripts/functions", F_OK) == 0 ? initramfs_home : home;
	for (const char *const *extra = spawn->extra_env; extra && *extra && n < ENV_MAX - 1;
	     extra++)
		memcpy(&env[n++], extra, sizeof(*env));
	env[n] = NULL;
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
}

static int become(const struct spawn *spawn)
{
	char *env[ENV_MAX], *argv[SPAWN_ARGS_MAX], path[512];

	setsid();
	reset_signals();
	syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_ON_EXEC);
	if (spawn->chroot_dir && (chroot(spawn->chroot_dir) < 0 || chdir("/") < 0))
		return -errno;
	if (program_path(spawn->argv[0], path, sizeof(path)) < 0)
		return -ENOENT;
	make_environment(spawn, env);
	memcpy(argv, spawn->argv, sizeof(argv));
	if (spawn->watch) {
		int r = spawn->watch->enter(spawn->watch);

		if (r < 0)
			return r;
	}
	execve(path, argv, env);
	return -errno;
}

/* fd 0, 1, 2 from the given ones; a negative one is /dev/null. */
static int wire(const int fds[static 3])
{
	for (int i = 0; i < 3; i++) {
		int fd = fds[i] >= 0 ? fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0 || dup2(fd, i) < 0)
			return -errno;
	}
	return 0;
}

/* --- starting --------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child_close(struct child *child)
{
	close_fd(&child->in);
	close_fd(&child->out);
	close_fd(&child->err);
	close_fd(&child->exec_error);
	close_fd(&child->pidfd);
}

/* Pipes have both ends above 2, so that wire() can't overwrite one before it was used. */
static int make_pipe(int ret[static 2])
{
	if (pipe2(ret, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		int high;

		if (ret[i] > 2)
			continue;
		high = fcntl(ret[i], F_DUPFD_CLOEXEC, 3);
		if (high < 0)
			return -errno;
		close(ret[i]);
		ret[i] = high;
	}
	return 0;
}

static int start(const struct spawn *spawn, struct child *child)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, oops[2] = { -1, -1 };
	int r = make_pipe(out);

	if (r == 0)
		r = make_pipe(oops);
	if (r == 0 && child->input)
		r = make_pipe(in);
	if (r == 0 && !spawn->is_quiet)
		r = make_pipe(err);
	if (r == 0) {
		child->pid = fork();
		if (child->pid < 0)
			r = -errno;
	}
	if (r == 0 && child->pid == 0) {
		const int fds[3] = { in[0], out[1], err[1] };

		r = wire(fds);
		if (r == 0)
			r = become(spawn);
		if (write(oops[1], &r, sizeof(r)) < 0)
			_exit(126);
		_exit(127);
	}
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	close_fd(&oops[1]);
	child->in = in[1];
	child->out = out[0];
	child->err = err[0];
	child->exec_error = oops[0];
	return r < 0 ? fail_at(r, "starting %s", spawn->argv[0]) : 0;
}

/* --- while it runs ---------------------------------------------------------------------------- */

static void tail_add(struct sink *sink, const char *data, size_t len)
{
	size_t keep;

	if (len > TAIL_BYTES) {
		data += len - TAIL_BYTES;
		len = TAIL_BYTES;
	}
	keep = MIN(sink->tail_len, TAIL_BYTES - len);
	memmove(sink->tail, sink->tail + sink->tail_len - keep, keep);
	memcpy(sink->tail + keep, data, len);
	sink->tail_len = keep + len;
	sink->tail[sink->tail_len] = '\0';
}

static void sink_secret(struct sink *sink, const char *data, size_t len)
{
	if (len > SECRET_OUTPUT_MAX - sink->secret->len) {
		sink->is_over = true;
		return;
	}
	memcpy(sink->secret->data + sink->secret->len, data, len);
	sink->secret->len += len;
}

static void sink_text(struct sink *sink, const char *data, size_t len)
{
	if (len > sink->max_bytes - sink->text->len)
		sink->is_over = true;
	else
		strbuf_addn(sink->text, data, len);
}

/* Reads what is there; closes *fd at the end. Returns false when nothing was there. */
static bool drain(int *fd, struct sink *sink, bool is_stdout)
{
	char buffer[4096];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, buffer, sizeof(buffer));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		close_fd(fd);
		return false;
	}
	if (is_stdout && sink->secret)
		sink_secret(sink, buffer, (size_t)n);
	else if (is_stdout && sink->text)
		sink_text(sink, buffer, (size_t)n);
	else
		tail_add(sink, buffer, (size_t)n);
	if (is_stdout && sink->secret)
		secret_wipe(buffer, sizeof(buffer));
	return true;
}

static void feed(struct child *child)
{
	ssize_t n = write(child->in, child->input, child->input_len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		child->input += n;
		child->input_len -= (size_t)n;
	}
	if (n < 0 || !child->input_len)
		close_fd(&child->in); /* who doesn't read all of it says so by its status */
}

/* One round of waiting. 1: the child has ended; 0: go on. */
static int pump(struct child *child, struct sink *sink)
{
	struct pollfd fds[5] = {
		{ .fd = child->out, .events = POLLIN },
		{ .fd = child->err, .events = POLLIN },
		{ .fd = child->in, .events = POLLOUT },
		{ .fd = child->pidfd, .events = POLLIN },
		{ .fd = child->watch ? child->watch->fd : -1, .events = POLLIN },
	};
	uint64_t now = now_ms();
	int left = now < child->deadline_ms ? (int)MIN(child->deadline_ms - now, 1000) : 0;

	/* Kernels before 5.3 have no pidfd: look every 50 ms. */
	if (poll(fds, ARRAY_SIZE(fds), child->pidfd >= 0 ? left : MIN(left, 50)) < 0 &&
	    errno != EINTR)
		return -errno;
	if (fds[0].revents)
		drain(&child->out, sink, true);
	if (fds[1].revents)
		drain(&child->err, sink, false);
	if (fds[2].revents)
		feed(child);
	if (child->watch && (fds[4].revents & POLLIN)) {
		int r = child->watch->serve(child->watch);

		if (r < 0)
			return r;
	}
	if (sink->is_over)
		return -E2BIG;
	if (child->pidfd >= 0)
		return fds[3].revents ? 1 : now >= child->deadline_ms ? -ETIMEDOUT : 0;
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
		return 1;
	return now >= child->deadline_ms ? -ETIMEDOUT : 0;
}

static int open_child(const struct spawn *spawn, struct child *child)
{
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	child->deadline_ms = now_ms() +
			     1000ULL * (spawn->timeout_s ? spawn->timeout_s : DEFAULT_TIMEOUT_S);
	for (size_t i = 0; i < 3; i++) {
		int fd = i == 0 ? child->in : i == 1 ? child->out : child->err;

		if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

/* Waits for the end, collecting; kills the whole session when it takes too long or says too much.
 * Returns wait's status. */
static int finish(const struct spawn *spawn, struct child *child, struct sink *sink,
		  int *ret_status)
{
	int r = open_child(spawn, child);

	while (r == 0)
		r = pump(child, sink);
	if (r < 0 && kill(-child->pid, SIGKILL) < 0)
		kill(child->pid, SIGKILL); /* it hasn't made its session yet */
	while (waitpid(child->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	/* What was written before the end is still in the pipes; children left behind may hold them
	 * open. */
	while (drain(&child->out, sink, true) && !sink->is_over)
		;
	while (drain(&child->err, sink, false))
		;
	return sink->is_over ? -E2BIG : 0;
}

/* --- the results ------------------------------------------------------------------------------ */

static int explain(const struct spawn *spawn, int r)
{
	const char *program = spawn->argv[0];

	switch (-r) {
	case ETIMEDOUT:
		return fail(r, "%s took longer than %u s and was stopped", program,
			    spawn->timeout_s ? spawn->timeout_s : DEFAULT_TIMEOUT_S);
	case E2BIG: return fail(r, "%s printed more than is believable and was stopped", program);
	case ENOENT: return fail(r, "%s is not installed", program);
	default: return fail_at(r, "running %s", program);
	}
}

/* One line, without control characters, for a sentence. */
static void tail_clean(struct sink *sink)
{
	while (sink->tail_len && (unsigned char)sink->tail[sink->tail_len - 1] <= ' ')
		sink->tail[--sink->tail_len] = '\0';
	for (size_t i = 0; i < sink->tail_len; i++) {
		if ((unsigned char)sink->tail[i] < ' ' || sink->tail[i] == 0x7f)
			sink->tail[i] = sink->tail[i] == '\n' ? ';' : ' ';
	}
}

static int run_child(const struct spawn *spawn, struct sink *sink)
{
	struct child child = {
		.pidfd = -1, .in = -1, .out = -1, .err = -1, .exec_error = -1, .watch = spawn->watch
	};
	int status = 0, exec_error = 0, r;

	if (spawn->input_secret) {
		child.input = spawn->input_secret->data;
		child.input_len = spawn->input_secret->len;
	} else if (spawn->input_text) {
		child.input = (const uint8_t *)spawn->input_text;
		child.input_len = strlen(spawn->input_text);
	}
	r = start(spawn, &child);
	if (r == 0)
		r = finish(spawn, &child, sink, &status);
	if (r == 0 &&
	    read(child.exec_error, &exec_error, sizeof(exec_error)) == (ssize_t)sizeof(exec_error))
		r = exec_error;
	child_close(&child);
	tail_clean(sink);
	if (r < 0)
		return explain(spawn, r);
	if (WIFSIGNALED(status))
		return fail(-EIO, "%s was killed by signal %d", spawn->argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* A program that ends without reading its input must not end us. */
static int spawn_sink(const struct spawn *spawn, struct sink *sink)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int r;

	sigaction(SIGPIPE, &ignore, &before);
	r = run_child(spawn, sink);
	sigaction(SIGPIPE, &before, NULL);
	return r;
}

static int demand_success(const struct spawn *spawn, const struct sink *sink, int status)
{
	if (status <= 0)
		return status;
	return fail(-EIO, "%s failed (exit status %d)%s%s", spawn->argv[0], status,
		    sink->tail_len ? ": " : "", sink->tail);
}

int spawn_status(const struct spawn *spawn)
{
	struct sink sink = { 0 };

	return spawn_sink(spawn, &sink);
}

int spawn_run(const struct spawn *spawn)
{
	struct sink sink = { 0 };

	return demand_success(spawn, &sink, spawn_sink(spawn, &sink));
}

int spawn_text(const struct spawn *spawn, char **ret)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_EMPTY;
	struct sink sink = { .text = &text,
			     .max_bytes = spawn->output_max_bytes ? spawn->output_max_bytes
								  : DEFAULT_OUTPUT_MAX };
	int r = demand_success(spawn, &sink, spawn_sink(spawn, &sink));

	if (r < 0)
		return r;
	strbuf_add(&text, "");
	return strbuf_take(&text, ret);
}

int spawn_secret(const struct spawn *spawn, struct secret *ret)
{
	CLEANUP_SECRET struct secret room = SECRET_EMPTY;
	struct sink sink = { .secret = &room };
	int r = secret_alloc(&room, SECRET_OUTPUT_MAX);

	if (r < 0)
		return r;
	room.len = 0;
	r = demand_success(spawn, &sink, spawn_sink(spawn, &sink));
	if (r < 0)
		return r;
	if (!room.len)
		return fail(-ENODATA, "%s printed nothing", spawn->argv[0]);
	return secret_copy(ret, room.data, room.len);
}

bool spawn_has(const char *program)
{
	char path[512];

	return program_path(program, path, sizeof(path)) == 0;
}
