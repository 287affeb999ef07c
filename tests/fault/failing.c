/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every call that the boot step's files make of others fails once (tests/unit/failing.h), and every
 * reading, writing and flushing of the disk or the state folder, by whichever library of this
 * program, or by e2fsck, dumpe2fs and resize2fs. A boot must come to an end that loses nothing,
 * with a reason; what comes behind it, on a disk that is well again, must be what the scenario's
 * judge wants to see.
 */
#include "tests/fault/failing.h"

#include "bootstrap/view.h"
#include "common/err.h"
#include "tests/unit/failing.h"

#include <limits.h>
#include <string.h>
#include <sys/wait.h>

/* In memory that the boots share with this process. */
static struct {
	struct world *world;
	const struct judge_set *placed;
	/* of reads, writes and flushes */
	bool is_io_on, is_for_ever, has_failed;
	uint64_t io, fail_at;
	unsigned programs;		  /* that were begun, as far as they have a view */
	uint64_t kinds[FAILING_SEQUENCE]; /* of each operation: what is alike has the same */
	char what[24];
} * shared;

/* --- the disk --------------------------------------------------------------------------------- */

/* Alike are operations of one place in the source on one file while the same program runs. */
static void note_kind(const char *path, const void *from)
{
	uint64_t kind = (uint64_t)(uintptr_t)from * 31 + shared->programs;

	while (*path)
		kind = kind * 31 + (uint8_t)*path++;
	if (shared->io <= FAILING_SEQUENCE)
		shared->kinds[shared->io - 1] = kind;
}

/* Is it the machine's, and shall this operation fail? */
static bool is_due(int fd, const char *what, const void *from)
{
	char link[64], path[PATH_MAX] = "";
	size_t len = strlen(shared ? shared->world->folder : "");
	ssize_t n;

	if (!shared || !shared->is_io_on)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < (ssize_t)len || memcmp(path, shared->world->folder, len) != 0 || path[len] != '/')
		return false;
	shared->io++;
	note_kind(path, from);
	if (shared->io != shared->fail_at && !(shared->is_for_ever && shared->io > shared->fail_at))
		return false;
	if (!shared->has_failed)
		snprintf(shared->what, sizeof(shared->what), "%s", what);
	shared->has_failed = true;
	errno = EIO;
	return true;
}

#define FAILING_IO(type, name, params, ...)                                                        \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return is_due(fd, #name, __builtin_return_address(0))                              \
			       ? -1                                                                \
			       : __real_##name(__VA_ARGS__);                                       \
	}
FAILING_IO(ssize_t, read, (int fd, void *data, size_t len), fd, data, len)
FAILING_IO(ssize_t, write, (int fd, const void *data, size_t len), fd, data, len)
FAILING_IO(ssize_t, pread, (int fd, void *data, size_t len, off_t at), fd, data, len, at)
FAILING_IO(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), fd, data, len, at)
FAILING_IO(int, fsync, (int fd), fd)
FAILING_IO(int, fdatasync, (int fd), fd)
FAILING_IO(int, syncfs, (int fd), fd)

/* --- the disk as programs read it ------------------------------------------------------------- */

#define CLEANUP_VIEW_OF_PROGRAM CLEANUP(view_closep)

struct spawn_watch *__real_view_watch(struct view *view);
struct spawn_watch *__wrap_view_watch(struct view *view);

struct spawn_watch *__wrap_view_watch(struct view *view)
{
	if (shared)
		shared->programs += view != NULL;
	return __real_view_watch(view);
}

/* A program that is to change nothing reads the device itself: where that is to fail, it reads it
 * through an empty view, which is read by this process. */
static struct spawn in_view(const struct spawn *spawn, struct view **ret)
{
	struct spawn seen = *spawn;
	char device[300];

	if (!shared || !shared->is_io_on || spawn->watch)
		return seen;
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, shared->world->folder);
	if (view_open(device, 1, ret) < 0)
		die("a view of %s: %s", device, fail_text());
	seen.watch = view_watch(*ret);
	return seen;
}

int __real_spawn_status(const struct spawn *spawn);
int __wrap_spawn_status(const struct spawn *spawn);

int __wrap_spawn_status(const struct spawn *spawn)
{
	CLEANUP_VIEW_OF_PROGRAM struct view *view = NULL;
	const struct spawn seen = in_view(spawn, &view);

	return __real_spawn_status(&seen);
}

int __real_spawn_text(const struct spawn *spawn, char **ret);
int __wrap_spawn_text(const struct spawn *spawn, char **ret);

int __wrap_spawn_text(const struct spawn *spawn, char **ret)
{
	CLEANUP_VIEW_OF_PROGRAM struct view *view = NULL;
	const struct spawn seen = in_view(spawn, &view);

	return __real_spawn_text(&seen, ret);
}

/* --- a boot in which it fails ----------------------------------------------------------------- */

static bool is_known_placed(uint64_t hash)
{
	return judge_set_has(shared->placed, hash);
}

static void fail_call(uint64_t n)
{
	failing_begin((unsigned)n, FAILING_SAID);
}

static void fail_call_bare(uint64_t n)
{
	failing_begin((unsigned)n, FAILING_BARE);
}

static void fail_io(uint64_t n)
{
	shared->is_io_on = true;
	shared->is_for_ever = shared->has_failed = false;
	shared->io = shared->programs = 0;
	shared->fail_at = n ?: UINT64_MAX;
}

static void fail_io_for_ever(uint64_t n)
{
	fail_io(n);
	shared->is_for_ever = true;
}

static bool has_failed_call(void)
{
	const struct failing_call *call = &failing_calls[failing->failed];

	snprintf(shared->what, sizeof(shared->what), "%s", call->name);
	return failing_end();
}

static bool has_failed_io(void)
{
	shared->is_io_on = false;
	return shared->has_failed;
}

static const struct how {
	const char *name;
	void (*begin)(uint64_t n);
	bool (*has_failed)(void);
	bool is_of_calls;
} hows[] = {
	{ "calls", fail_call, has_failed_call, true },
	{ "memory", fail_call_bare, has_failed_call, true },
	{ "disk", fail_io, has_failed_io, false },
	{ "disk-dead", fail_io_for_ever, has_failed_io, false },
};

/* --- which of them ---------------------------------------------------------------------------- */

/* Of a run without a failure: what is alike has the same number. */
static uint64_t sequence[FAILING_SEQUENCE];
static uint64_t sequence_len;

/* A loop over each block of a log makes the same call hundreds of times: in the middle of it there
 * is nothing that isn't at its beginning and its end. */
#define CALL_REPEATS 3

/* Programs read a filesystem by thousands of operations, which aren't all alike because they look
 * like it: beside the first and the last of a kind, so many are drawn. */
#define IO_DRAWS 30

static bool is_in_a_loop(uint64_t n, unsigned repeats)
{
	unsigned before = 0, behind = 0;

	if (n > sequence_len)
		return false;
	for (uint64_t i = 0; i < sequence_len; i++) {
		bool is_same = sequence[i] == sequence[n - 1];

		before += is_same && i < n - 1;
		behind += is_same && i > n - 1;
	}
	return before >= repeats && behind > 0;
}

static bool is_drawn(uint64_t n, uint64_t seed)
{
	uint64_t z = (seed << 32 ^ n) * UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
	return (z ^ (z >> 32)) % (sequence_len / IO_DRAWS + 1) == 0;
}

static bool is_left_out(const struct work *work, const struct how *how, uint64_t n)
{
	if (how->is_of_calls)
		return is_in_a_loop(n, CALL_REPEATS);
	return work->scenario->has_programs && is_in_a_loop(n, 1) && !is_drawn(n, work->seed);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The distribution goes on with this disk. */
static bool is_good_for_stock(struct judge *judge, char *ret_loss)
{
	static struct machine left;

	machine_make(&left);
	machine_load(&left, shared->world->folder);
	judge->device = &left.files[DEVICE_FILE];
	return judge_stock(judge, ret_loss);
}

static bool ends_well(const struct scenario *scenario, struct judge *judge, char *ret_loss)
{
	const struct world *world = shared->world;

	if (world->action[0] && world->end == WORLD_DIED) {
		snprintf(ret_loss, JUDGE_TEXT, "the boot step died");
		return false;
	}
	if (world->action[0] && world->end == WORLD_PLAIN && !world->reason[0]) {
		snprintf(ret_loss, JUDGE_TEXT, "it gave up without a reason");
		return false;
	}
	if (scenario->is_end_expected && world->end == WORLD_PLAIN &&
	    !judge_is_sound(judge, ret_loss))
		return false;
	if (scenario->is_shown_to_stock && world->end == WORLD_PLAIN &&
	    !is_good_for_stock(judge, ret_loss))
		return false;
	return scenario->judge(judge, ret_loss);
}

/* In a process of its own. false: there is no n-th. */
static bool run_failing(const struct scenario *scenario, const struct how *how, uint64_t n)
{
	int status = 0;
	pid_t pid;

	shared->world->end = WORLD_DIED;
	shared->world->action[0] = shared->world->reason[0] = '\0';
	shared->world->is_known = NULL; /* the whole of this boot */
	how->begin(n);
	pid = fork();
	if (pid == 0)
		_exit(scenario->run(shared->world));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("a run can't be waited for");
	shared->world->is_known = is_known_placed;
	return how->has_failed();
}

static const struct how *find_how(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		if (strcmp(hows[i].name, name) == 0)
			return &hows[i];
	}
	die("nothing fails like %s", name);
}

/* So that is_left_out() knows. */
static void learn(const struct work *work, struct machine *base, const struct how *how)
{
	machine_store(base, shared->world->folder);
	if (run_failing(work->scenario, how, 0))
		die("something has failed that shouldn't");
	sequence_len = MIN(how->is_of_calls ? failing->count : shared->io, FAILING_SEQUENCE);
	for (uint64_t i = 0; i < sequence_len; i++)
		sequence[i] = how->is_of_calls ? failing->sequence[i] : shared->kinds[i];
}

int failing_each(struct work *work, const char *name, uint64_t only)
{
	static struct machine base;
	const struct how *how = find_how(name);
	uint64_t n, skipped = 0;

	failing_make();
	shared = share(sizeof(*shared));
	shared->world = work->judge.world = &work->shared->worlds[JOBS_MAX];
	shared->placed = &work->shared->placed;
	machine_make(&base);
	machine_copy(&base, work->base);
	learn(work, &base, how);
	for (n = only ? only : 1;; n++) {
		char loss[JUDGE_TEXT] = "", state[64];

		if (!only && is_left_out(work, how, n)) {
			skipped++;
			continue;
		}
		machine_store(&base, shared->world->folder);
		if (!run_failing(work->scenario, how, n))
			break;
		snprintf(state, sizeof(state), "%s=%llu (%s)", name, (unsigned long long)n,
			 shared->what);
		if (!ends_well(work->scenario, &work->judge, loss))
			enumerate_say_loss(work, state, loss);
		if (only)
			break;
	}
	printf("%s, %s: %llu failures, %llu left out among alike, %llu lost\n",
	       work->scenario->name, name, (unsigned long long)(n - 1 - skipped),
	       (unsigned long long)skipped, (unsigned long long)work->shared->lost);
	return work->shared->lost || n == 1 ? 1 : 0;
}
