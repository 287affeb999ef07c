/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reporter's side: makes the copy of the program in memory, starts it, and stays in touch by
 * the board.
 */
#include "bootstrap/worker.h"

#include "bootstrap/worker_board.h"
#include "common/cleanup.h"
#include "common/file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define TICK_MS 250
#define COPY_BYTES 65536

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* kernel 6.3: without it, vm.memfd_noexec may forbid the start */
#endif

struct child {
	pid_t pid;
	int line_fd;
	struct worker_board *board;
};

static int copy_self(int to)
{
	CLEANUP_CLOSE int from = open(SELF, O_RDONLY | O_CLOEXEC);
	static uint8_t data[COPY_BYTES];
	ssize_t n;

	if (from < 0)
		return fail(-errno, "opening " SELF ": %s", strerror(errno));
	while ((n = read(from, data, sizeof(data))) > 0) {
		int r = file_write_all(to, data, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? fail(-errno, "reading " SELF ": %s", strerror(errno)) : 0;
}

/* The program in memory: no page of it can be missing because its file is on a suspended root. */
static int seal_self(int *ret_fd)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	fd = memfd_create("panocrypt-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("panocrypt-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fail(-errno, "memory for the worker: %s", strerror(errno));
	r = copy_self(fd);
	if (r < 0)
		return r;
	if (fchmod(fd, 0500) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return fail(-errno, "sealing the worker: %s", strerror(errno));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int make_board(int *ret_fd, struct worker_board **ret)
{
	CLEANUP_CLOSE int fd = memfd_create("panocrypt-board", MFD_CLOEXEC);
	void *board;

	if (fd < 0 || ftruncate(fd, sizeof(**ret)) < 0)
		return fail(-errno, "memory for the worker: %s", strerror(errno));
	board = mmap(NULL, sizeof(**ret), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (board == MAP_FAILED)
		return fail(-errno, "memory for the worker: %s", strerror(errno));
	*ret_fd = TAKE_FD(fd);
	*ret = board;
	return 0;
}

/* In the child: 0 the line, 3 the board, 1 and 2 nowhere; all others close. */
static void become_guard(const struct worker_run *run, int program, int line, int board)
{
	char *argv[] = { (char *)(uintptr_t) "panocrypt-bootstrap", (char *)(uintptr_t)WORKER_WORD,
			 (char *)(uintptr_t)run->device,
			 (char *)(uintptr_t)(run->mapping ? run->mapping : ""), NULL };
	char *environment[] = { NULL };
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_board = fcntl(board, F_DUPFD_CLOEXEC, 10), high_line, high_program;

	high_line = fcntl(line, F_DUPFD_CLOEXEC, 10);
	high_program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (nowhere < 0 || high_board < 0 || high_line < 0 || high_program < 0 ||
	    dup2(high_line, WORKER_LINE_FD) < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0 ||
	    dup2(high_board, WORKER_BOARD_FD) < 0)
		_exit(1);
	fexecve(high_program, argv, environment);
	_exit(1);
}

/* A few bytes into an empty socket: all or nothing. Without SIGPIPE when nobody is there. No key is
 * one of no bytes. */
static bool send_key(int fd, const struct secret *key)
{
	uint32_t len = key ? (uint32_t)key->len : 0;

	return send(fd, &len, sizeof(len), MSG_NOSIGNAL) == (ssize_t)sizeof(len) &&
	       (!len || send(fd, key->data, key->len, MSG_NOSIGNAL) == (ssize_t)key->len);
}

static int start(const struct worker_run *run, struct child *ret)
{
	CLEANUP_CLOSE int program = -1, board = -1, mine = -1, its = -1;
	int line[2], r;

	r = seal_self(&program);
	if (r == 0)
		r = make_board(&board, &ret->board);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
		return fail(-errno, "a line to the worker: %s", strerror(errno));
	mine = line[0];
	its = line[1];
	ret->pid = fork();
	if (ret->pid < 0)
		return fail(-errno, "starting the worker: %s", strerror(errno));
	if (ret->pid == 0)
		become_guard(run, program, its, board);
	/* if it can't, the worker's end says why */
	(void)(send_key(mine, run->volume_key) && send_key(mine, run->next_key));
	ret->line_fd = TAKE_FD(mine);
	return 0;
}

/* Until the line ends, which is when guard and worker have. */
static void attend(const struct worker_run *run, const struct child *child)
{
	struct worker_board *board = child->board;
	struct pollfd line = { .fd = child->line_fd };

	do {
		struct worker_view view = { .done_bytes = board->done_bytes,
					    .total_bytes = board->total_bytes,
					    .is_paused = board->is_paused,
					    .warning = board->has_warning ? board->warning : "" };
		struct worker_wishes wishes = { .is_stop_wanted = false };

		run->tick(&view, &wishes, run->userdata);
		board->max_bytes_per_s = wishes.wish.max_bytes_per_s;
		board->is_pause_wanted = wishes.wish.is_paused;
		if (wishes.is_stop_wanted)
			board->is_stop_wanted = true;
		(void)poll(&line, 1, TICK_MS);
	} while (!(line.revents & (POLLHUP | POLLERR)));
}

static int finish(const struct child *child)
{
	const struct worker_board *board = child->board;
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!board->has_result)
		return fail(-EIO,
			    "the worker has ended without a word%s%s: reboot, which repeats the "
			    "chunk that it was at",
			    board->has_warning ? "; " : "",
			    board->has_warning ? board->warning : "");
	if (board->result < 0)
		return fail(board->result, "%.*s", (int)sizeof(board->sentence) - 1,
			    board->sentence);
	return board->result > 0 ? WORKER_STOPPED : 0;
}

int worker_run(const struct worker_run *run)
{
	struct child child = { .line_fd = -1 };
	int r;

	r = start(run, &child);
	if (r == 0) {
		attend(run, &child);
		close(child.line_fd);
		r = finish(&child);
	}
	if (child.board)
		munmap(child.board, sizeof(*child.board));
	return r;
}
