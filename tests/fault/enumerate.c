/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See enumerate.h. A state is counted and judged only if no other had the same content.
 */
#include "tests/fault/enumerate.h"

#include "common/file.h"
#include "tests/fault/states.h"
#include "tests/fault/world_phases.h"

#include <string.h>
#include <sys/wait.h>

#define LOSSES_SHOWN 5
#define COUNTS_MAX 6
#define REPEATS_MAX 32 /* draws in a row that bring nothing new: a cut has no more */

static struct shared *shared; /* of this process's work */

struct worker {
	const struct work *work;
	unsigned number;
	struct judge judge;
	struct states states;
	struct machine scratch;
};

static bool is_known_placed(uint64_t hash)
{
	bool is_known = judge_set_has(&shared->placed, hash);

	__atomic_add_fetch(&shared->known, is_known, __ATOMIC_SEQ_CST);
	return is_known;
}

void enumerate_say_loss(const struct work *work, const char *state, const char *loss)
{
	uint64_t n = __atomic_add_fetch(&work->shared->lost, 1, __ATOMIC_SEQ_CST);

	if (n <= LOSSES_SHOWN)
		printf("lost: %s seed=%llu %s: %s\n", work->scenario->name,
		       (unsigned long long)work->seed, state, loss);
	fflush(stdout);
	if (work->is_first_loss_enough)
		work->shared->is_over = true;
}

/* What the world reads and nobody changes. */
static void copy_beside(const char *from, const char *to, const char *name)
{
	char path[300], copy[300];

	snprintf(path, sizeof(path), "%s/%s", from, name);
	snprintf(copy, sizeof(copy), "%s/%s", to, name);
	if (file_exists(path) && file_copy(path, copy) < 0)
		die("copying %s: %s", path, strerror(errno));
}

void enumerate_folder(const struct work *work, unsigned worker)
{
	char *folder = work->shared->worlds[worker].folder, path[300];

	if (snprintf(folder, 256, "%s.%u", work->folder, worker) >= 256)
		die("too long a path");
	snprintf(path, sizeof(path), "%s/boot", folder);
	if (file_mkdirs(folder, 0700) < 0 || file_replace(path, "", 0, 0600) < 0)
		die("making %s", folder);
	copy_beside(work->folder, folder, WORLD_TABLE_COPY);
	copy_beside(work->folder, folder, WORLD_MAPPED);
	for (const char *const *name = world_grub_files; *name; name++) {
		snprintf(path, sizeof(path), WORLD_GRUB_NEW "%s", *name);
		copy_beside(work->folder, folder, path);
	}
}

static void judge_machine(struct worker *worker, const char *state)
{
	const struct work *work = worker->work;
	struct judge *judge = &worker->judge;
	char loss[JUDGE_TEXT] = "";

	judge->device = &worker->scratch.files[DEVICE_FILE];
	machine_store(&worker->scratch, judge->world->folder);
	if ((work->scenario->is_shown_to_stock && !judge_stock(judge, loss)) ||
	    !work->scenario->judge(judge, loss))
		enumerate_say_loss(work, state, loss);
}

/* false: the same as another. */
static bool do_state(struct worker *worker, unsigned variant)
{
	char state[64];

	states_build(&worker->states, variant, &worker->scratch);
	if (judge_set_add(&shared->seen, machine_hash(&worker->scratch))) {
		__atomic_add_fetch(&shared->repeated, 1, __ATOMIC_SEQ_CST);
		return false;
	}
	__atomic_add_fetch(&shared->states, 1, __ATOMIC_SEQ_CST);
	snprintf(state, sizeof(state), "cut=%zu variant=%u", worker->states.cut, variant);
	if (!worker->work->is_counting)
		judge_machine(worker, state);
	return true;
}

/* Its part of a cut: each of the workers has every so many variants. */
static void do_cut(struct worker *worker, size_t cut)
{
	const unsigned jobs = worker->work->jobs, fixed = states_fixed(&worker->states, cut);
	size_t left = (states_draws(&worker->states, cut) + jobs - 1) / jobs;
	unsigned repeats = 0;

	for (unsigned v = worker->number; v < fixed && !shared->is_over; v += jobs)
		do_state(worker, v);
	for (unsigned v = STATES_RANDOM + worker->number;
	     left && repeats < REPEATS_MAX && !shared->is_over; v += jobs) {
		bool is_new = do_state(worker, v);

		left -= is_new;
		repeats = is_new ? 0 : repeats + 1;
	}
}

static void work_on(const struct work *work, unsigned number)
{
	static struct worker worker;

	worker.work = work;
	worker.number = number;
	worker.judge = work->judge;
	worker.judge.world = &shared->worlds[number];
	worker.judge.world->is_known = is_known_placed;
	enumerate_folder(work, number);
	world_enter(worker.judge.world);
	machine_make(&worker.scratch);
	states_begin(&worker.states, work->base, &work->log, work->wanted, work->seed);
	for (size_t cut = 0; cut <= work->log.count; cut++) {
		if (work->only_cut >= 0 && work->only_cut != (long)cut)
			continue;
		states_advance(&worker.states, cut);
		if (work->only_cut < 0)
			do_cut(&worker, cut);
		else if (number == 0)
			do_state(&worker, (unsigned)work->only_variant);
	}
}

static void run_workers(const struct work *work)
{
	for (unsigned i = 0; i < work->jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %s", strerror(errno));
		if (pid == 0) {
			work_on(work, i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < work->jobs; i++) {
		int status = 0;

		if (wait(&status) < 0 || status != 0)
			die("a worker ended with %d", status);
	}
}

/* How many must be asked for so that what is wanted comes out: draws repeat each other. */
static size_t find_wanted(const struct work *work)
{
	struct work counting = *work;

	counting.is_counting = true;
	for (unsigned i = 0; i < COUNTS_MAX; i++) {
		size_t count;

		run_workers(&counting);
		count = (size_t)shared->states;
		memset(&shared->seen, 0, sizeof(shared->seen));
		shared->states = shared->repeated = 0;
		if (!count || count >= work->wanted)
			break;
		counting.wanted = counting.wanted * work->wanted / count + 1;
	}
	return counting.wanted;
}

void enumerate(const struct work *work)
{
	struct work found = *work;

	shared = work->shared;
	if (work->only_cut < 0 && !work->is_first_loss_enough)
		found.wanted = find_wanted(work);
	run_workers(&found);
}
