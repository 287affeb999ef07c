/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See spawn.h. Works in the initramfs too. Starts the child, feeds it, watches its end and its
 * deadline; what it becomes is spawn_program.h's, what it says goes into a spawn_sink.h.
 */
#include "bootstrap/spawn.h"

#include "bootstrap/spawn_program.h"
#include "bootstrap/spawn_sink.h"
#include "common/err.h"
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

/* Pipes have both ends above 2, so that the child can't overwrite one before it was used. */
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

		r = spawn_program_become(spawn, fds);
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
static int pump(struct child *child, struct spawn_sink *sink)
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
		spawn_sink_drain(sink, &child->out, true);
	if (fds[1].revents)
		spawn_sink_drain(sink, &child->err, false);
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
static int finish(const struct spawn *spawn, struct child *child, struct spawn_sink *sink,
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
	while (spawn_sink_drain(sink, &child->out, true) && !sink->is_over)
		;
	while (spawn_sink_drain(sink, &child->err, false))
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

static int run_child(const struct spawn *spawn, struct spawn_sink *sink)
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
	spawn_sink_end(sink);
	if (r < 0)
		return explain(spawn, r);
	if (WIFSIGNALED(status))
		return fail(-EIO, "%s was killed by signal %d", spawn->argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* A program that ends without reading its input must not end us. */
static int run_shielded(const struct spawn *spawn, struct spawn_sink *sink)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int r;

	sigaction(SIGPIPE, &ignore, &before);
	r = run_child(spawn, sink);
	sigaction(SIGPIPE, &before, NULL);
	return r;
}

static int demand_success(const struct spawn *spawn, const struct spawn_sink *sink, int status)
{
	if (status <= 0)
		return status;
	return fail(-EIO, "%s failed (exit status %d)%s%s", spawn->argv[0], status,
		    sink->tail_len ? ": " : "", sink->tail);
}

int spawn_status(const struct spawn *spawn)
{
	struct spawn_sink sink = { 0 };

	return run_shielded(spawn, &sink);
}

int spawn_run(const struct spawn *spawn)
{
	struct spawn_sink sink = { 0 };

	return demand_success(spawn, &sink, run_shielded(spawn, &sink));
}

int spawn_text(const struct spawn *spawn, char **ret)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_EMPTY;
	struct spawn_sink sink = { .text = &text,
				   .max_bytes = spawn->output_max_bytes ? spawn->output_max_bytes
									: DEFAULT_OUTPUT_MAX };
	int r = demand_success(spawn, &sink, run_shielded(spawn, &sink));

	if (r < 0)
		return r;
	strbuf_add(&text, "");
	return strbuf_take(&text, ret);
}

int spawn_secret(const struct spawn *spawn, struct secret *ret)
{
	CLEANUP_SECRET struct secret room = SECRET_EMPTY;
	struct spawn_sink sink = { .secret = &room };
	int r = secret_alloc(&room, SPAWN_SECRET_MAX);

	if (r < 0)
		return r;
	room.len = 0;
	r = demand_success(spawn, &sink, run_shielded(spawn, &sink));
	if (r < 0)
		return r;
	if (!room.len)
		return fail(-ENODATA, "%s printed nothing", spawn->argv[0]);
	return secret_copy(ret, room.data, room.len);
}
