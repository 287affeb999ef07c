/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Crash states of the conversion's offline steps: records what the product's own code writes and
 * flushes (record.h), makes each machine that a power cut can leave of it (states.h), and lets the
 * boot step repair each (judge.h). docs/power-cut.md says what it proves. Machines are folders:
 * "device" is the root partition, "run/state/panocrypt" the state folder.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "tests/fault/judge.h"
#include "tests/fault/record.h"
#include "tests/fault/states.h"

#include <string.h>
#include <sys/wait.h>

#define SHIFT (16 * MIB)
#define PASSPHRASE "correct horse battery staple"
#define JOBS_MAX 16
#define LOSSES_SHOWN 5

/* In memory that all workers share. */
struct shared {
	struct judge_set seen, stock, placed;
	uint64_t states, repeated, lost, known;
	bool is_over;
	struct world worlds[JOBS_MAX + 1];
};

static struct shared *shared;

static bool is_known_placed(uint64_t hash)
{
	bool is_known = judge_set_has(&shared->placed, hash);

	__atomic_add_fetch(&shared->known, is_known, __ATOMIC_SEQ_CST);
	return is_known;
}

/* --- scenarios -------------------------------------------------------------------------------- */

static int boot(void *userdata)
{
	world_boot(userdata);
}

static int run_on(void *userdata)
{
	struct world *world = userdata;
	char device[300];

	world_enter(world);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, world->folder);
	return judge_encrypt(device) == 0 ? 0 : 1;
}

static const struct scenario {
	const char *name;
	int (*run)(void *userdata);
	bool (*judge)(struct judge *judge, char ret_loss[static JUDGE_TEXT]);
	bool is_shown_to_stock; /* each state also to a stock boot */
	bool is_unpatched;	/* seeded bug: finished by the distribution's libcryptsetup */
} scenarios[] = {
	{ "place", boot, judge_boots, true, false },
	{ "encrypt", run_on, judge_run, false, false },
	{ "encrypt-unpatched", run_on, judge_run, false, true },
};

static const struct scenario *find_scenario(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	}
	die("no scenario %s", name);
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (text_u64(text, &value) < 0)
		die("%s is no number", text);
	return value;
}

/* --- workers ---------------------------------------------------------------------------------- */

struct work {
	const struct scenario *scenario;
	const struct machine *base;
	const struct log *log;
	const char *folder; /* workers' machines are made below it */
	struct judge judge;
	size_t wanted;
	uint64_t seed;
	unsigned jobs;
	bool is_first_loss_enough;
	long only_cut, only_variant; /* -1: all */
};

static void say_loss(const struct work *work, const char *state, const char *loss)
{
	uint64_t n = __atomic_add_fetch(&shared->lost, 1, __ATOMIC_SEQ_CST);

	if (n <= LOSSES_SHOWN)
		printf("lost: %s seed=%llu %s: %s\n", work->scenario->name,
		       (unsigned long long)work->seed, state, loss);
	fflush(stdout);
	if (work->is_first_loss_enough)
		shared->is_over = true;
}

static void judge_machine(const struct work *work, struct judge *judge, struct machine *machine,
			  const char *state)
{
	char loss[JUDGE_TEXT] = "";

	judge->device = &machine->files[DEVICE_FILE];
	machine_store(machine, judge->world->folder);
	if ((work->scenario->is_shown_to_stock && !judge_stock(judge, loss)) ||
	    !work->scenario->judge(judge, loss))
		say_loss(work, state, loss);
}

static void do_state(const struct work *work, struct judge *judge, const struct states *states,
		     unsigned variant, struct machine *scratch)
{
	char state[64];

	states_build(states, variant, scratch);
	if (judge_set_add(&shared->seen, machine_hash(scratch))) {
		__atomic_add_fetch(&shared->repeated, 1, __ATOMIC_SEQ_CST);
		return;
	}
	__atomic_add_fetch(&shared->states, 1, __ATOMIC_SEQ_CST);
	snprintf(state, sizeof(state), "cut=%zu variant=%u", states->cut, variant);
	judge_machine(work, judge, scratch, state);
}

static void machine_folder(char ret[static 256], const struct work *work, unsigned worker)
{
	char path[300];

	if (snprintf(ret, 256, "%s.%u", work->folder, worker) >= 256)
		die("too long a path");
	snprintf(path, sizeof(path), "%s/boot", ret);
	if (file_mkdirs(ret, 0700) < 0 || file_replace(path, "", 0, 0600) < 0)
		die("making %s", ret);
}

static void work_on(const struct work *work, unsigned worker)
{
	static struct machine scratch;
	static struct states states;
	struct judge judge = work->judge;
	size_t number = 0;

	judge.world = &shared->worlds[worker];
	judge.world->is_known = is_known_placed;
	machine_folder(judge.world->folder, work, worker);
	world_enter(judge.world);
	machine_make(&scratch);
	states_begin(&states, work->base, work->log, work->wanted, work->seed);
	for (size_t cut = 0; cut <= work->log->count; cut++) {
		states_advance(&states, cut);
		for (unsigned v = 0; v < states_variants(&states, cut); v++, number++) {
			if (shared->is_over)
				return;
			if (number % work->jobs == worker &&
			    (work->only_cut < 0 ||
			     (work->only_cut == (long)cut && work->only_variant == (long)v)))
				do_state(work, &judge, &states, v, &scratch);
		}
	}
}

static void enumerate(const struct work *work)
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

/* --- verbs ------------------------------------------------------------------------------------ */

static void say_counts(const char *name, size_t events)
{
	printf("%s: %zu events, %llu states (%llu more were the same), %llu lost\n", name, events,
	       (unsigned long long)shared->states, (unsigned long long)shared->repeated,
	       (unsigned long long)shared->lost);
}

static void prepare(struct work *work, char **args, struct machine *base, struct image *filesystem)
{
	char path[300];

	shared = share(sizeof(*shared));
	work->scenario = find_scenario(args[0]);
	work->folder = args[1];
	work->wanted = (size_t)number(args[2]);
	work->seed = number(args[3]);
	work->jobs = (unsigned)MIN(number(getenv("CRASH_JOBS") ?: "2"), (uint64_t)JOBS_MAX);
	work->is_first_loss_enough = getenv("CRASH_FIRST") != NULL;
	image_make(filesystem);
	snprintf(path, sizeof(path), "%s/filesystem", work->folder);
	image_load(filesystem, path);
	machine_make(base);
	machine_load(base, work->folder);
	work->base = base;
	work->judge = (struct judge){ .filesystem = filesystem,
				      .payload_bytes = filesystem->len,
				      .shift_bytes = SHIFT,
				      .stock = &shared->stock,
				      .placed = &shared->placed,
				      .is_stock_unpatched = work->scenario->is_unpatched };
}

/* The log must be all that happened: applied to what was there it gives what is there now. */
static void check_log(const struct work *work, const struct machine *base, const char *folder)
{
	static struct machine replayed, is;

	machine_make(&replayed);
	machine_make(&is);
	machine_copy(&replayed, base);
	for (size_t i = 0; i < work->log->count; i++)
		machine_apply(&replayed, &work->log->events[i]);
	machine_load(&is, folder);
	if (machine_hash(&replayed) != machine_hash(&is))
		die("the log is not all that was written");
}

static void record_base(const struct work *work, struct machine *base, size_t drop, struct log *ret)
{
	struct world *world = &shared->worlds[JOBS_MAX];
	int status;

	machine_folder(world->folder, work, JOBS_MAX);
	machine_store(base, world->folder);
	status = record(world->folder, work->scenario->run, world, drop, ret);
	if (status != 0)
		die("the recorded run ended with %d", status);
}

static int do_enumerate(char **args)
{
	static struct machine base;
	struct image filesystem;
	struct log log = { 0 };
	struct work work = { .log = &log, .only_cut = -1 };

	prepare(&work, args, &base, &filesystem);
	if (args[4]) {
		work.only_cut = (long)number(args[4]);
		work.only_variant = (long)number(args[5] ?: "0");
	}
	record_base(&work, &base, 0, &log);
	check_log(&work, &base, shared->worlds[JOBS_MAX].folder);
	enumerate(&work);
	say_counts(args[0], log.count);
	return shared->lost ? 1 : 0;
}

/* A disk that acknowledges one write and forgets it, for each write of the scenario up to the
 * marker: the comparing must see it. */
static int do_forgetful(char **args)
{
	static struct machine base;
	struct image filesystem;
	struct log log = { 0 };
	struct work work = { .log = &log };
	size_t writes = 0;

	prepare(&work, args, &base, &filesystem);
	work.judge.world = &shared->worlds[JOBS_MAX];
	record_base(&work, &base, 0, &log);
	for (size_t i = 0; i < log.count; i++) {
		if (log.events[i].kind == EVENT_RENAME &&
		    strcmp(log.events[i].to, MARKER_FILE) == 0)
			break;
		writes += log.events[i].kind == EVENT_WRITE && log.events[i].file == DEVICE_FILE;
	}
	for (size_t drop = 1; drop <= writes && !shared->is_over; drop++) {
		char state[64], loss[JUDGE_TEXT] = "";
		struct log again = { 0 };

		shared->states++;
		record_base(&work, &base, drop, &again);
		snprintf(state, sizeof(state), "forgotten=%zu", drop);
		if (!judge_boots(&work.judge, loss))
			say_loss(&work, state, loss);
		log_done(&again);
	}
	say_counts("forgetful disk", writes);
	return shared->lost ? 1 : 0;
}

/* Events of a scenario, a line each. */
static int do_show(char **args)
{
	static const char *const kinds[] = { "write",  "resize", "create",     "rename",
					     "remove", "sync",	 "sync-names", "sync-all" };
	static struct machine base;
	struct image filesystem;
	struct log log = { 0 };
	struct work work = { .log = &log };

	prepare(&work, args, &base, &filesystem);
	record_base(&work, &base, 0, &log);
	for (size_t i = 0; i < log.count; i++) {
		const struct event *event = &log.events[i];

		printf("%zu %s %s%u %llu+%zu %s%s %s%s\n", i, kinds[event->kind],
		       event->file == DEVICE_FILE ? "device" : "file",
		       event->file == DEVICE_FILE ? 0 : event->file,
		       (unsigned long long)event->offset, event->len, event->name,
		       event->to[0] ? " ->" : "", event->to, event->is_through ? " through" : "");
	}
	printf("%s: %s\n", shared->worlds[JOBS_MAX].action, shared->worlds[JOBS_MAX].reason);
	return 0;
}

/* One boot of the machine itself; the end as exit status. */
static int do_boot(char **args)
{
	shared = share(sizeof(*shared));
	snprintf(shared->worlds[0].folder, sizeof(shared->worlds[0].folder), "%s", args[0]);
	return world_run(&shared->worlds[0]) == WORLD_OPENED ? 0 : 1;
}

/* Encrypts the machine's volume to its end. */
static int do_encrypt(char **args)
{
	char device[300];

	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, args[0]);
	if (judge_encrypt(device) < 0)
		die("%s", fail_text());
	return 0;
}

static int bind_clevis(const struct luks_where *where, const struct secret *key)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "not a real one");
	int r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));

	return r < 0 ? r : luks_bind_clevis(where, key, &secret, jwe);
}

static int make_header(const char *state, const char *device)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, key = SECRET_EMPTY;
	const struct luks_format format = { WORLD_LUKS_UUID, SHIFT, 4096, 64 * KIB };
	CLEANUP_FREE char *path = NULL;
	struct luks_where where;
	int r;

	r = text_format(&path, "%s/" HEADER_FILE, state);
	if (r == 0)
		r = secret_copy(&secret, PASSPHRASE, strlen(PASSPHRASE));
	if (r == 0)
		r = luks_make_header(path, device, &format, &secret, &key);
	if (r < 0)
		return r;
	where = (struct luks_where){ path, NULL };
	r = wiped_set_pending(&where);
	return r < 0 ? r : bind_clevis(&where, &key);
}

/* FOLDER PAYLOAD: header copy and intent for the filesystem in FOLDER/device. */
static int do_setup(char **args)
{
	char state[300], device[300];
	struct intent intent = {
		.device_url = "https://unlock.example/d/0",
		.luks_uuid = WORLD_LUKS_UUID,
		.fs_uuid = WORLD_FS_UUID,
		.root_partuuid = WORLD_ROOT_PARTUUID,
		.boot_uuid = WORLD_BOOT_UUID,
		.boot_partuuid = "dddddddd-0000-4000-8000-000000000000",
		.shift_bytes = SHIFT,
		.payload_bytes = number(args[1]),
	};
	int r;

	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, args[0]);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, args[0]);
	r = file_mkdirs(state, 0700);
	if (r == 0 && intent.payload_bytes)
		r = block_size(device, &intent.root_bytes);
	if (r == 0)
		r = intent_write(state, &intent);
	if (r == 0)
		r = make_header(state, device);
	if (r < 0)
		die("%s", fail_text());
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int least, most;
	const char *usage;
} verbs[] = {
	{ "setup", do_setup, 2, 2, "FOLDER PAYLOAD" },
	{ "boot", do_boot, 1, 1, "FOLDER" },
	{ "encrypt", do_encrypt, 1, 1, "FOLDER" },
	{ "enumerate", do_enumerate, 4, 6, "SCENARIO FOLDER STATES SEED [CUT VARIANT]" },
	{ "forgetful", do_forgetful, 4, 4, "SCENARIO FOLDER STATES SEED" },
	{ "show", do_show, 4, 4, "SCENARIO FOLDER STATES SEED" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (argc > 1 && strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least &&
		    argc - 2 <= verbs[i].most)
			return verbs[i].run(argv + 2);
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(stderr, "crash %s %s\n", verbs[i].name, verbs[i].usage);
	return 2;
}
