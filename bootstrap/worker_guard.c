/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard: runs from memory, locked; starts the worker and watches it. Its last words go to the
 * kernel's log, because the journal may be on what is suspended.
 */
#include "bootstrap/dm.h"
#include "bootstrap/worker.h"
#include "bootstrap/worker_board.h"
#include "bootstrap/worker_watch.h"
#include "common/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 250
#define LAST_WORDS_MS 2000

struct guard {
	struct worker_board *board;
	const char *mapping; /* NULL: offline, nothing is ever suspended */
	pid_t worker;
	int worker_fd; /* pidfd: readable when it has ended; -1 before kernel 5.3 */
	int dm_fd, kmsg_fd;
	bool is_alive, is_reporter_gone;
	uint64_t idle_since_ms; /* suspended, and in no step; 0: it isn't so */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static PRINTF_LIKE(2, 3) void say(struct guard *guard, const char *format, ...)
{
	struct worker_board *board = guard->board;
	char line[300];
	va_list args;
	int len;

	if (board->has_warning)
		return;
	va_start(args, format);
	vsnprintf(board->warning, sizeof(board->warning), format, args);
	va_end(args);
	board->has_warning = true;
	len = snprintf(line, sizeof(line), "<3>panocrypt: %s\n", board->warning);
	if (guard->kmsg_fd >= 0 && len > 0)
		(void)!write(guard->kmsg_fd, line, (size_t)len);
}

/* Waits for a look's time, or until one of the two is gone. */
static void wait_for_news(struct guard *guard)
{
	struct pollfd ends[] = { { .fd = guard->is_alive ? guard->worker_fd : -1,
				   .events = POLLIN },
				 { .fd = guard->is_reporter_gone ? -1 : WORKER_LINE_FD } };

	(void)poll(ends, ARRAY_SIZE(ends), LOOK_EVERY_MS);
	if (ends[1].revents & (POLLHUP | POLLERR)) {
		guard->is_reporter_gone = true;
		guard->board->is_stop_wanted = true;
	}
}

/* The order matters: a step that begins in between is seen as one. */
static void look(struct guard *guard, struct watch_view *ret, char name[static DM_NAME_SIZE])
{
	uint64_t now, since;

	if (guard->is_alive && waitpid(guard->worker, NULL, WNOHANG) == guard->worker)
		guard->is_alive = false;
	ret->is_alive = guard->is_alive;
	ret->is_suspended = guard->mapping &&
			    dm_find_suspended(guard->dm_fd, guard->mapping, name) > 0;
	since = guard->board->step_since_ms;
	now = now_ms();
	ret->is_in_step = since != 0;
	ret->step_ms = since ? now - MIN(now, since) : 0;
	if (!ret->is_suspended || ret->is_in_step)
		guard->idle_since_ms = 0;
	else if (!guard->idle_since_ms)
		guard->idle_since_ms = now;
	ret->idle_suspended_ms = guard->idle_since_ms ? now - guard->idle_since_ms : 0;
}

static void resume(struct guard *guard, const char *name)
{
	int r = dm_resume(guard->dm_fd, name);

	say(guard, "%s was left suspended between two chunks, and %s", name,
	    r < 0 ? "can't be resumed" : "was resumed");
}

static void reboot_now(struct guard *guard, const char *name)
{
	say(guard,
	    "the worker died inside a chunk and left %s suspended: rebooting, which repeats the "
	    "chunk",
	    name);
	poll(NULL, 0, LAST_WORDS_MS);
	reboot(RB_AUTOBOOT);
}

static int watch(struct guard *guard)
{
	for (;;) {
		char name[DM_NAME_SIZE] = "";
		struct watch_view view;

		wait_for_news(guard);
		look(guard, &view, name);
		switch (watch_decide(&view)) {
		case WATCH_WAIT: break;
		case WATCH_WARN:
			say(guard, "%s has been suspended for a minute: does the disk hang?", name);
			break;
		case WATCH_RESUME: resume(guard, name); break;
		case WATCH_REBOOT: reboot_now(guard, name); break;
		case WATCH_END: return 0;
		}
	}
}

/* A stop is asked for on the board; signals to the whole group of processes mean the reporter. */
static void ignore_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		signal(numbers[i], SIG_IGN);
}

static int prepare(struct guard *guard)
{
	int r = 0;

	ignore_signals();
	guard->board = mmap(NULL, sizeof(*guard->board), PROT_READ | PROT_WRITE, MAP_SHARED,
			    WORKER_BOARD_FD, 0);
	if (guard->board == MAP_FAILED)
		return fail(-errno, "the worker has no board");
	guard->kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (guard->mapping)
		r = dm_open(&guard->dm_fd);
	if (r == 0 && guard->mapping && mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		r = fail(-errno, "locking memory: %s; encryption would not be safe without it",
			 strerror(errno));
	if (r < 0) {
		guard->board->result = r;
		memcpy(guard->board->sentence, fail_text(), strlen(fail_text()) + 1);
		guard->board->has_result = true;
	}
	return r;
}

int worker_main(int argc, char **argv)
{
	struct guard guard = { .dm_fd = -1, .kmsg_fd = -1, .is_alive = true };

	if (argc != 4 || fcntl(WORKER_BOARD_FD, F_GETFD) < 0)
		return 2; /* nobody types this */
	guard.mapping = *argv[3] ? argv[3] : NULL;
	if (secret_guard_process() < 0 || prepare(&guard) < 0)
		return 1;
	guard.worker = fork();
	if (guard.worker < 0)
		return 1;
	if (guard.worker == 0)
		_exit(worker_chunks(guard.board, argv[2], guard.mapping));
	guard.worker_fd = (int)syscall(SYS_pidfd_open, guard.worker, 0);
	return watch(&guard);
}
