/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reporter, guard and worker as three real processes around a faked library; what the guard decides
 * as a table. The device's name says how the faked library behaves.
 * UNIT_SOURCES: bootstrap/worker.c bootstrap/worker_guard.c bootstrap/worker_chunks.c
 * UNIT_SOURCES: bootstrap/worker_watch.c bootstrap/throttle.c
 */
#include "bootstrap/worker.h"

#include "bootstrap/dm.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/worker_watch.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define CHUNKS 4
#define KEY "sixteen byte key"
#define NEXT_KEY "another volume key"

int dm_open(int *ret_fd)
{
	*ret_fd = -1;
	return 0;
}

int dm_find_suspended(int fd UNUSED, const char *prefix UNUSED,
		      char ret_name[static DM_NAME_SIZE] UNUSED)
{
	return 0;
}

int dm_resume(int fd UNUSED, const char *name UNUSED)
{
	return 0;
}

/* Is this process a copy in memory that nobody can change? */
static bool is_sealed(void)
{
	char path[256] = "";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int fd = open("/proc/self/exe", O_RDWR);

	return n > 0 && strstr(path, "memfd:panocrypt-worker") && (fd < 0 || write(fd, "x", 1) < 0);
}

/* In the worker. */
int luks_reencrypt_run(const struct luks_run *run)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	unsigned chunks = CHUNKS;

	if (run->volume_key->len != strlen(KEY) || memcmp(run->volume_key->data, KEY, strlen(KEY)))
		return fail(-EPERM, "another key");
	if ((run->next_key != NULL) != (strcmp(run->device, "/two") == 0) ||
	    (run->next_key && (run->next_key->len != strlen(NEXT_KEY) ||
			       memcmp(run->next_key->data, NEXT_KEY, strlen(NEXT_KEY)))))
		return fail(-EPERM, "another next key");
	if (strcmp(run->device, "/fail") == 0)
		return fail(-EIO, "the disk is broken: replace it");
	if (strcmp(run->device, "/sealed") == 0)
		return is_sealed() ? 0 : fail(-EPERM, "runs from a file");
	if (strcmp(run->device, "/silent") == 0 && (write(1, "x", 1) != 1 || write(2, "x", 1) != 1))
		return fail(-EIO, "no place to write to");
	if (strcmp(run->device, "/endless") == 0)
		chunks = UINT32_MAX / 2;
	for (unsigned i = 0; i <= chunks; i++) {
		if (run->progress(i * 16 * MIB, chunks * 16 * MIB, run->userdata))
			return LUKS_RUN_STOPPED;
		if (strcmp(run->device, "/die") == 0)
			raise(SIGKILL);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* --- processes -------------------------------------------------------------------------------- */

static struct {
	struct worker_view last;
	struct worker_wishes wishes;
	unsigned ticks, pause_until_tick, stop_at_tick;
	bool was_paused;
	uint64_t done_when_paused;
} world;

static void tick(const struct worker_view *view, struct worker_wishes *ret_wishes,
		 void *userdata UNUSED)
{
	world.last = *view;
	world.ticks++;
	if (view->is_paused && !world.was_paused) {
		world.was_paused = true;
		world.done_when_paused = view->done_bytes;
	}
	world.wishes.wish.is_paused = world.ticks < world.pause_until_tick;
	world.wishes.is_stop_wanted = world.stop_at_tick && world.ticks >= world.stop_at_tick;
	*ret_wishes = world.wishes;
}

static int run_on(const char *device)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;
	struct worker_run run = { .device = device, .volume_key = &key, .tick = tick };

	assert_ok(secret_copy(&key, KEY, strlen(KEY)));
	assert_ok(secret_copy(&next, NEXT_KEY, strlen(NEXT_KEY)));
	if (strcmp(device, "/two") == 0)
		run.next_key = &next;
	return worker_run(&run);
}

static int setup(void **state UNUSED)
{
	memset(&world, 0, sizeof(world));
	return 0;
}

static void runs_to_the_end(void **state UNUSED)
{
	assert_ok(run_on("/normal"));
	assert_true(world.ticks >= 1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
}

static void gets_a_second_key(void **state UNUSED)
{
	assert_ok(run_on("/two"));
}

static void runs_from_sealed_memory(void **state UNUSED)
{
	assert_ok(run_on("/sealed"));
}

static void has_nowhere_to_print(void **state UNUSED)
{
	assert_ok(run_on("/silent"));
}

static void brings_the_sentence(void **state UNUSED)
{
	assert_int_equal(run_on("/fail"), -EIO);
	assert_said("the disk is broken: replace it");
}

static void notices_a_sudden_death(void **state UNUSED)
{
	assert_int_equal(run_on("/die"), -EIO);
	assert_said("without a word");
}

static void stops_when_wished(void **state UNUSED)
{
	world.stop_at_tick = 3;
	assert_int_equal(run_on("/endless"), WORKER_STOPPED);
	assert_true(world.last.done_bytes > 0);
}

static void stands_still_when_wished(void **state UNUSED)
{
	world.pause_until_tick = 6;
	world.stop_at_tick = 12;
	assert_int_equal(run_on("/endless"), WORKER_STOPPED);
	assert_true(world.was_paused);
	assert_true(world.last.done_bytes > world.done_when_paused);
}

static void is_not_faster_than_wished(void **state UNUSED)
{
	/* 16 MiB of 16 MiB a second: in 8 ticks of 250 ms not more than two or three chunks */
	world.wishes.wish.max_bytes_per_s = 16 * MIB;
	world.stop_at_tick = 8;
	assert_int_equal(run_on("/endless"), WORKER_STOPPED);
	assert_in_range(world.last.done_bytes, 0, 4 * 16 * MIB);
}

static bool has_ended(pid_t pid)
{
	struct timespec pause = { .tv_nsec = 50000000 };

	for (unsigned i = 0; i < 600; i++) {
		if (kill(pid, 0) < 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* The pid of a process with this parent, read from /proc; 0: none. */
static pid_t child_of(pid_t parent)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	return (pid_t)strtol(text, NULL, 10);
}

/* The reporter killed: the worker stops at its next chunk, the guard goes with it. */
static void ends_with_its_reporter(void **state UNUSED)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	pid_t reporter = fork(), guard = 0, worker = 0;

	if (reporter == 0)
		_exit(run_on("/endless") == 0);
	for (unsigned i = 0; i < 500 && !worker; i++) {
		guard = child_of(reporter);
		worker = guard ? child_of(guard) : 0;
		nanosleep(&pause, NULL);
	}
	assert_true(guard > 0 && worker > 0);
	kill(reporter, SIGKILL);
	waitpid(reporter, NULL, 0);
	assert_true(has_ended(worker));
	assert_true(has_ended(guard));
}

/* SIGTERM to all of them, as systemd does: it is the reporter that decides. */
static void does_not_die_of_sigterm(void **state UNUSED)
{
	pid_t guard = 0, worker = 0;
	struct timespec pause = { .tv_nsec = 20000000 };
	pid_t reporter = fork();
	int status = -1;

	if (reporter == 0) {
		world.stop_at_tick = 12;
		_exit(run_on("/endless") == WORKER_STOPPED ? 7 : 8);
	}
	for (unsigned i = 0; i < 500 && !worker; i++) {
		guard = child_of(reporter);
		worker = guard ? child_of(guard) : 0;
		nanosleep(&pause, NULL);
	}
	assert_true(worker > 0); /* kill(0) would be for all of us */
	/* the worker exists once its signals are ignored: the guard ignores them before it forks */
	kill(guard, SIGTERM);
	kill(worker, SIGTERM);
	assert_int_equal(waitpid(reporter, &status, 0), reporter);
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* --- the guard's decision --------------------------------------------------------------------- */

static const struct watch_row {
	struct watch_view view;
	enum watch_action action;
} rows[] = {
	/* alive, in step, suspended, step ms, idle ms */
	{ { true, true, true, 100, 0 }, WATCH_WAIT },
	{ { true, true, true, WATCH_STEP_LONG_MS - 1, 0 }, WATCH_WAIT },
	{ { true, true, true, WATCH_STEP_LONG_MS, 0 }, WATCH_WARN },
	{ { true, true, false, 10 * WATCH_STEP_LONG_MS, 0 }, WATCH_WAIT },
	{ { true, false, false, 0, 0 }, WATCH_WAIT },
	{ { true, false, true, 0, 0 }, WATCH_WAIT },
	{ { true, false, true, 0, WATCH_IDLE_LONG_MS - 1 }, WATCH_WAIT },
	{ { true, false, true, 0, WATCH_IDLE_LONG_MS }, WATCH_RESUME },
	{ { false, true, true, 100, 0 }, WATCH_REBOOT },
	{ { false, false, true, 0, 0 }, WATCH_RESUME },
	{ { false, true, false, 100, 0 }, WATCH_END },
	{ { false, false, false, 0, 0 }, WATCH_END },
};

static void decisions(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (watch_decide(&rows[i].view) != rows[i].action)
			fail_msg("row %zu: %d", i, (int)watch_decide(&rows[i].view));
}

/* Whatever the times: never resumed inside a chunk, and nothing is done to a healthy one. */
static void never_resumes_inside_a_chunk(void **state UNUSED)
{
	for (uint64_t ms = 0; ms < 10 * WATCH_STEP_LONG_MS; ms += 333)
		for (unsigned bits = 0; bits < 8; bits++) {
			struct watch_view view = { bits & 1, bits & 2, bits & 4, ms, ms };
			enum watch_action action = watch_decide(&view);

			if (view.is_in_step || !view.is_suspended)
				assert_int_not_equal(action, WATCH_RESUME);
			if (view.is_alive || !view.is_suspended)
				assert_int_not_equal(action, WATCH_REBOOT);
			if (view.is_alive)
				assert_int_not_equal(action, WATCH_END);
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(runs_to_the_end, setup),
		cmocka_unit_test_setup(gets_a_second_key, setup),
		cmocka_unit_test_setup(runs_from_sealed_memory, setup),
		cmocka_unit_test_setup(has_nowhere_to_print, setup),
		cmocka_unit_test_setup(brings_the_sentence, setup),
		cmocka_unit_test_setup(notices_a_sudden_death, setup),
		cmocka_unit_test_setup(stops_when_wished, setup),
		cmocka_unit_test_setup(stands_still_when_wished, setup),
		cmocka_unit_test_setup(is_not_faster_than_wished, setup),
		cmocka_unit_test_setup(ends_with_its_reporter, setup),
		cmocka_unit_test_setup(does_not_die_of_sigterm, setup),
		cmocka_unit_test(decisions),
		cmocka_unit_test(never_resumes_inside_a_chunk),
	};

	if (argc > 1 && strcmp(argv[1], WORKER_WORD) == 0)
		return worker_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
