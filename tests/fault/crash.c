/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Crash states of the conversion's steps: records what the product's own code writes and flushes
 * (record.h), makes each machine that a power cut can leave of it (states.h), and lets the boot
 * step repair each (judge.h). docs/power-cut.md says what it proves. Machines are folders: "device"
 * is the root partition, "run/state/panocrypt" the state folder, "disk", if there, holds the
 * partition table.
 */
#include "bootstrap/luks.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "tests/fault/enumerate.h"
#include "tests/fault/failing.h"
#include "tests/fault/record.h"
#include "tests/fault/setup.h"
#include "tests/fault/states.h"
#include "tests/fault/world_phases.h"

#include <string.h>

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (text_u64(text, &value) < 0)
		die("%s is no number", text);
	return value;
}

/* --- a recorded run --------------------------------------------------------------------------- */

/* The log must be all that happened: applied to what was there it gives what is there now. */
static void check_log(const struct work *work)
{
	static struct machine replayed, is;

	machine_make(&replayed);
	machine_make(&is);
	machine_copy(&replayed, work->base);
	for (size_t i = 0; i < work->log.count; i++)
		machine_apply(&replayed, &work->log.events[i]);
	machine_load(&is, work->shared->worlds[JOBS_MAX].folder);
	if (machine_hash(&replayed) != machine_hash(&is))
		die("the log is not all that was written");
}

static void record_base(const struct work *work, struct machine *base, size_t drop, struct log *ret)
{
	struct world *world = &work->shared->worlds[JOBS_MAX];
	int status;

	enumerate_folder(work, JOBS_MAX);
	machine_store(base, world->folder);
	status = record(world->folder, base, &(struct recorded){ work->scenario->run, world, drop },
			ret);
	if (status != 0)
		die("the recorded run ended with %d", status);
}

/* ext4's superblock is at 1024: blocks, and log2 of their KiB. */
static uint64_t filesystem_bytes(const struct image *device)
{
	uint32_t blocks, log_kib;

	image_read(device, 1024 + 4, &blocks, sizeof(blocks));
	image_read(device, 1024 + 24, &log_kib, sizeof(log_kib));
	return (uint64_t)blocks * KIB << log_kib;
}

/* What every cut must come to: what the run came to without one. crash.sh looks whether that is
 * good. */
static void expect_end(struct work *work, struct image *ret_filesystem)
{
	const char *folder = work->shared->worlds[JOBS_MAX].folder;
	char path[300];

	snprintf(path, sizeof(path), "%s/" MACHINE_DEVICE, folder);
	image_load(ret_filesystem, path);
	work->judge.payload_bytes = filesystem_bytes(ret_filesystem);
	image_resize(ret_filesystem, work->judge.payload_bytes);
	snprintf(path, sizeof(path), "%s/" MACHINE_TABLE, folder);
	if (file_exists(path) && (!gpt_find(path, WORLD_ROOT_PARTUUID, &work->judge.root) ||
				  !gpt_find(path, WORLD_BOOT_PARTUUID, &work->judge.boot)))
		die("the recorded run leaves no partitions: %s: %s",
		    work->shared->worlds[JOBS_MAX].action, work->shared->worlds[JOBS_MAX].reason);
}

/* What `shrink` comes to when its first try fails, whatever it failed by. */
static void expect_second_end(struct work *work, struct machine *base, struct image *ret_filesystem)
{
	struct world *world = &work->shared->worlds[JOBS_MAX];
	const char *folder = world->folder;
	char path[300];

	machine_store(base, folder);
	world->is_first_try_refused = true;
	if (world_run(world) != WORLD_STOPPED)
		die("without moving a block: %s: %s", world->action, world->reason);
	world->is_first_try_refused = false;
	snprintf(path, sizeof(path), "%.255s/" MACHINE_DEVICE, folder);
	image_make(ret_filesystem);
	image_load(ret_filesystem, path);
	work->judge.second_filesystem = ret_filesystem;
	work->judge.second_payload_bytes = filesystem_bytes(ret_filesystem);
	if (work->judge.second_payload_bytes <= work->judge.payload_bytes)
		die("without moving a block the filesystem is no larger");
	image_resize(ret_filesystem, work->judge.second_payload_bytes);
}

/* 0: there is no conversion. */
static uint64_t shift_bytes(const char *folder)
{
	struct intent intent = { 0 };
	char state[300];

	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, folder);
	if (intent_read(state, &intent) < 0)
		fail_clear();
	return intent.shift_bytes;
}

static struct work prepare(char **args, struct machine *base, struct image *filesystem)
{
	char path[300];
	struct work work = {
		.scenario = scenario_find(args[0]),
		.base = base,
		.folder = args[1],
		.shared = share(sizeof(struct shared)),
		.wanted = (size_t)number(args[2]),
		.seed = number(args[3]),
		.jobs = (unsigned)MIN(number(getenv("CRASH_JOBS") ?: "2"), (uint64_t)JOBS_MAX),
		.is_first_loss_enough = getenv("CRASH_FIRST") != NULL,
		.only_cut = -1,
	};

	work.log.is_for_grub = work.scenario->is_for_grub;
	for (size_t i = 0; i <= JOBS_MAX; i++)
		scenario_prepare(work.scenario, &work.shared->worlds[i]);
	machine_make(base);
	machine_load(base, work.folder);
	machine_hash(base); /* for all that are copied from it */
	image_make(filesystem);
	snprintf(path, sizeof(path), "%s/filesystem", work.folder);
	if (!work.scenario->is_end_expected && file_exists(path))
		image_load(filesystem, path);
	snprintf(path, sizeof(path), "%s/" MACHINE_STATE "/" HEADER_FILE, work.folder);
	if (file_exists(path))
		world_warm_up(path);
	work.judge = (struct judge){ .filesystem = filesystem,
				     .payload_bytes = filesystem->len,
				     .shift_bytes = shift_bytes(work.folder),
				     .stock = &work.shared->stock,
				     .placed = &work.shared->placed,
				     .ends = &work.shared->ends,
				     .is_stock_unpatched = work.scenario->is_unpatched };
	snprintf(work.judge.files, sizeof(work.judge.files), "%s/files", work.folder);
	return work;
}

/* --- verbs ------------------------------------------------------------------------------------ */

static int say_counts(const struct work *work, const char *name, size_t events)
{
	printf("%s: %zu events, %llu states (%llu more were the same), %llu lost\n", name, events,
	       (unsigned long long)work->shared->states, (unsigned long long)work->shared->repeated,
	       (unsigned long long)work->shared->lost);
	return work->shared->lost ? 1 : 0;
}

static int enumerate_with(char **args, bool is_counting)
{
	static struct machine base;
	struct image filesystem;
	struct work work = prepare(args, &base, &filesystem);

	work.is_counting = is_counting;
	if (args[4]) {
		work.only_cut = (long)number(args[4]);
		work.only_variant = (long)number(args[5] ?: "0");
	}
	record_base(&work, &base, 0, &work.log);
	check_log(&work);
	if (work.scenario->is_end_expected)
		expect_end(&work, &filesystem);
	enumerate(&work);
	return say_counts(&work, args[0], work.log.count);
}

static int do_enumerate(char **args)
{
	return enumerate_with(args, false);
}

/* How many different states there would be. */
static int do_count(char **args)
{
	return enumerate_with(args, true);
}

/* Up to the marker: behind it nothing is compared any more. */
static size_t count_writes(const struct log *log)
{
	size_t writes = 0;

	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];

		if (event->kind == EVENT_RENAME && strcmp(event->to, MARKER_FILE) == 0)
			break;
		writes += event->kind == EVENT_WRITE && event->file == DEVICE_FILE;
	}
	return writes;
}

/* A disk that acknowledges one write and forgets it, for each write of the scenario up to the
 * marker: the comparing must see it. */
static int do_forgetful(char **args)
{
	static struct machine base;
	struct image filesystem;
	struct work work = prepare(args, &base, &filesystem);
	size_t writes;

	work.judge.world = &work.shared->worlds[JOBS_MAX];
	world_enter(work.judge.world); /* its own locks for what the judge encrypts */
	record_base(&work, &base, 0, &work.log);
	writes = count_writes(&work.log);
	for (size_t drop = 1; drop <= writes && !work.shared->is_over; drop++) {
		char state[64], loss[JUDGE_TEXT] = "";
		struct log again = { 0 };

		work.shared->states++;
		record_base(&work, &base, drop, &again);
		snprintf(state, sizeof(state), "forgotten=%zu", drop);
		if (!work.scenario->judge(&work.judge, loss))
			enumerate_say_loss(&work, state, loss);
		log_done(&again);
	}
	return say_counts(&work, "forgetful disk", writes);
}

/* Everything of the run fails once. */
static int do_failing(char **args)
{
	static struct machine base;
	char *as_enumerated[] = { args[0], args[1], "1", "1", NULL };
	struct image filesystem, second;
	struct work work;

	if (!failing_each)
		die("this program has no calls that fail");
	work = prepare(as_enumerated, &base, &filesystem);
	record_base(&work, &base, 0, &work.log);
	if (work.scenario->is_end_expected)
		expect_end(&work, &filesystem);
	if (work.scenario->is_stopped_before_place)
		expect_second_end(&work, &base, &second);
	return failing_each(&work, args[2], args[3] ? number(args[3]) : 0);
}

static void say_event(size_t number, const struct event *event)
{
	static const char *const kinds[] = { "write", "resize",	    "create",	"rename", "remove",
					     "sync",  "sync-names", "sync-all", "freeze" };

	printf("%zu %s ", number, kinds[event->kind]);
	if (event_is_in_folder(event))
		printf("file%u", event->file);
	else
		printf("%s", event->file == DEVICE_FILE ? MACHINE_DEVICE : MACHINE_TABLE);
	printf(" %llu+%zu %s%s %s%s\n", (unsigned long long)event->offset, event->len, event->name,
	       event->to[0] ? " ->" : "", event->to, event->is_through ? " through" : "");
}

/* Events of a scenario, a line each. */
static int do_show(char **args)
{
	static struct machine base;
	struct image filesystem;
	struct work work = prepare(args, &base, &filesystem);
	const struct world *world = &work.shared->worlds[JOBS_MAX];

	record_base(&work, &base, 0, &work.log);
	for (size_t i = 0; i < work.log.count; i++)
		say_event(i, &work.log.events[i]);
	printf("%s: %s\n", world->action, world->reason);
	return 0;
}

/* One boot of the machine itself as it is in this scenario, to its end. */
static int do_boot(char **args)
{
	struct world *world = share(sizeof(*world));

	scenario_prepare(scenario_find(args[0]), world);
	snprintf(world->folder, sizeof(world->folder), "%s", args[1]);
	switch (world_run(world)) {
	case WORLD_OPENED:
	case WORLD_STOPPED: return 0;
	case WORLD_PLAIN: printf("%s: %s\n", world->action, world->reason); return 0;
	default: printf("%s: %s\n", world->action, world->reason); return 1;
	}
}

/* Encrypts the machine's volume to its end. */
static int do_encrypt(char **args)
{
	struct world *world = share(sizeof(*world));
	char device[300];

	snprintf(world->folder, sizeof(world->folder), "%s", args[0]);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, args[0]);
	world_enter(world);
	if (judge_encrypt(device) < 0)
		die("%s", fail_text());
	return 0;
}

static int do_setup(char **args)
{
	setup_machine(&(struct setup){
		.folder = args[0],
		.payload_bytes = number(args[1]),
		.boot_bytes = number(args[2]),
		.shift_bytes = args[3] ? number(args[3]) : SETUP_SHIFT_BYTES,
	});
	return 0;
}

static int do_rotate(char **args)
{
	setup_rotation(args[0]);
	return 0;
}

/* The machine that one cut leaves, the last write torn, becomes the machine itself. */
static int do_cut(char **args)
{
	static struct machine base, cut;
	struct states states;
	struct image filesystem;
	struct work work = prepare(args, &base, &filesystem);

	record_base(&work, &base, 0, &work.log);
	machine_make(&cut);
	states_begin(&states, &base, &work.log, work.wanted, work.seed);
	states_advance(&states, number(args[4]));
	states_build(&states, STATES_TORN, &cut);
	machine_store(&cut, work.folder);
	return 0;
}

/* A machine with a disk whose GRUB is the old one, and a new one to be installed. */
static int do_setup_grub(char **args)
{
	struct world *world = share(sizeof(*world));
	char path[300];

	snprintf(world->folder, sizeof(world->folder), "%s", args[0]);
	snprintf(path, sizeof(path), "%s/" MACHINE_STATE, args[0]);
	if (file_mkdirs(path, 0700) < 0)
		die("making %s", path);
	snprintf(path, sizeof(path), "%s/" MACHINE_DEVICE, args[0]);
	if (file_replace(path, "", 0, 0600) < 0) /* not looked at */
		die("making %s", path);
	setup_grub(args[0], SETUP_GRUB_OLD);
	if (world_install_grub(world) < 0)
		die("the old boot loader: %s", fail_text());
	setup_grub(args[0], SETUP_GRUB_NEW);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int least, most;
	const char *usage;
} verbs[] = {
	{ "setup", do_setup, 3, 4, "FOLDER PAYLOAD BOOT [SHIFT]" },
	{ "setup-grub", do_setup_grub, 1, 1, "FOLDER" },
	{ "boot", do_boot, 2, 2, "SCENARIO FOLDER" },
	{ "rotate", do_rotate, 1, 1, "FOLDER" },
	{ "cut", do_cut, 5, 5, "SCENARIO FOLDER STATES SEED CUT" },
	{ "encrypt", do_encrypt, 1, 1, "FOLDER" },
	{ "enumerate", do_enumerate, 4, 6, "SCENARIO FOLDER STATES SEED [CUT VARIANT]" },
	{ "count", do_count, 4, 4, "SCENARIO FOLDER STATES SEED" },
	{ "forgetful", do_forgetful, 4, 4, "SCENARIO FOLDER STATES SEED" },
	{ "failing", do_failing, 3, 4, "SCENARIO FOLDER calls|memory|disk|disk-dead [N]" },
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
