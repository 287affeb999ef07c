/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole conversion of a machine in memory (fake_machine.h), in which every call that a phase
 * makes of another file fails once, in three ways: with a sentence, without one, and by the power
 * being cut there. Each time the phase must say something or go on, the machine must boot, and
 * another run must end exactly as if nothing had happened. The same for `undo`, from each place
 * where it is allowed. Which calls there are comes from the object files; one that this conversion
 * doesn't make must be named below with the reason.
 *
 * FAILING_SOURCES: bootstrap/phases.c bootstrap/phases/[a-z]*.c
 * FAILING_SOURCES: bootstrap/boot_step.c bootstrap/etc_files.c
 * FAILING_SOURCES: bootstrap/growth.c bootstrap/grub.c bootstrap/install.c bootstrap/intent.c
 * FAILING_SOURCES: bootstrap/new_boot.c bootstrap/our_files.c bootstrap/strikes.c
 * UNIT_SOURCES: bootstrap/cipher.c
 * FAILING_SOURCES: bootstrap/recovery_proof.c
 * UNIT_SOURCES: tests/unit/failing.c tests/unit/fake_files.c tests/unit/fake_machine.c
 * UNIT_SOURCES: tests/unit/fake_programs.c bootstrap/tabs.c bootstrap/embedded.c
 * UNIT_SOURCES: tests/unit/fake_boot.c tests/unit/fake_server.c bootstrap/elsewhere.c
 * UNIT_SOURCES: bootstrap/rotate.c
 * UNIT_SOURCES: bootstrap/free_space.c bootstrap/boot_sizes.c
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/install.h"
#include "common/file.h"

#include "tests/unit/failing.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/wait.h>

#define BOOTS_MAX 8
#define STAGES_MAX 32

/* Calls that the conversion below never makes, or whose failure it never sees. */
static const struct {
	const char *file, *name, *why;
} exceptions[] = {
	{ "recovery_proof.c", "luks_slot_same", "only with a passphrase of the customer's" },
	{ "recovery_proof.c", "luks_clevis_jwe",
	  "only where no recovery passphrase opens; test_recovery_proof.c" },
	{ "recovery_proof.c", "secret_read_file", "the same" },
	{ "phases/chunks.c", "keyring_get", "only while the server says no" },
	{ "phases/header.c", "secret_read_file", "the same; test_header.c" },
	{ "boot_step.c", "file_mkdirs", "boot_result_write(), which the boot step calls" },
	{ "boot_step.c", "file_replace_text", "the same" },
	{ "boot_step.c", "json_pack", "the same" },
	{ "boot_step.c", "js_print_pretty", "the same" },
	{ "install.c", "file_copy", "install_self(), which the verb calls" },
	{ "install.c", "file_mkdirs", "the same" },
	{ "install.c", "file_read", "the same" },
	{ "install.c", "file_replace_text", "the same" },
	{ "phases/bootpart.c", "destroy_folder", "only where /boot was separate; test_undo.c" },
	{ "phases/bootpart.c", "fstab_options",
	  "only with an ESP that is not mounted; test_undo.c" },
	{ "etc_files.c", "strdup", "without an fstab or a crypttab" },
	{ "strikes.c", "js_u64", "behind a run that has died; test_strikes.c" },
};

static bool is_judged = true; /* false: an assertion that fails below is this call's doing */

static struct config config = { .enrollment_key = "ABCD-EFGHJ-KMN", .ca_file = "/ca.pem" };
static struct job job;
static struct facts facts;

/* What differs from boot to boot. */
static const char *const volatile_files[] = { "/run/", "/proc/", NULL };
/* The intent's copy is written first, and read by nobody while the intent is whole. */
static const char *const undecided_files[] = { "/run/",
					       "/proc/",
					       STATE_DIR "/" INTENT_COPY_FILE,
					       BOOT_STATE_DIR "/" INTENT_COPY_FILE,
					       "@" BOOT_STATE_DIR "/" INTENT_COPY_FILE,
					       NULL };
/* `undo` leaves the intent: the verb removes it. */
static const char *const undone_files[] = { "/run/", "/proc/", STATE_DIR "/", NULL };

/* The machine at each moment from which the program is started below. */
static struct stage {
	char name[40];
	struct machine *machine;
} stages[STAGES_MAX];
static size_t stage_count;
static struct machine *stock, *end;

/* Only those files that there are: most of the struct is room for more. */
static void copy(struct machine *to, const struct machine *of)
{
	size_t rest = offsetof(struct machine, files.count);

	memcpy(to->files.files, of->files.files, of->files.count * sizeof(of->files.files[0]));
	memcpy((char *)to + rest, (const char *)of + rest, sizeof(*to) - rest);
}

static struct machine *keep(void)
{
	struct machine *kept = calloc(1, sizeof(*kept));

	assert_non_null(kept);
	copy(kept, machine);
	return kept;
}

static void restore(const struct machine *kept)
{
	copy(machine, kept);
}

/* What `continue` does. */
static int start(void)
{
	int r;

	if (!file_exists(STATE_DIR "/" INTENT_FILE))
		return leave_rest();
	r = machine_open(&job, &facts, &config);
	return r < 0 ? r : phases_run(&job);
}

static int undo(void)
{
	int r = machine_open(&job, &facts, &config);

	return r < 0 ? r : phases_undo(&job);
}

static bool is_at_end(void)
{
	return !file_exists(STATE_DIR) && !file_exists(INSTALL_PROGRAM);
}

/* 0 at the end; else negative, with a sentence. */
static int to_the_end(void)
{
	int r = PHASE_NEEDS_REBOOT;

	for (unsigned i = 0; r > 0 && i < BOOTS_MAX; i++) {
		r = start();
		if (r > 0 && !machine_boot())
			return -EIO;
	}
	return r > 0 ? fail(-ELOOP, "it reboots without an end") : r;
}

static const char *from = ""; /* name of a stage */

/* --- one call fails --------------------------------------------------------------------------- */

static const char *call_name(void)
{
	static char name[128];
	const struct failing_call *call = &failing_calls[failing->failed];

	snprintf(name, sizeof(name), "%s: %s (call %u from %s, %s)", call->file, call->name,
		 failing->fail_at, from,
		 failing->how == FAILING_SAID	? "with a sentence"
		 : failing->how == FAILING_BARE ? "without a sentence"
						: "cut");
	return name;
}

/* By what the boot step of any image would read. */
static bool is_undo_decided(void)
{
	struct intent intent;
	bool is_decided = intent_read(BOOT_STATE_DIR, &intent) == 0 && intent.undo;

	return is_decided || (intent_read(STATE_DIR, &intent) == 0 && intent.undo);
}

/* The decision to undo comes before all that undoing changes, and no boot behind it converts. */
static void boot_to_be_undone(const struct stage *stage)
{
	bool is_decided = is_undo_decided();
	const char *what = is_decided ? NULL : machine_differs(stage->machine, undecided_files);

	if (what)
		fail_msg("%s: changed, and nothing says that it is to be undone: %s", call_name(),
			 what);
	if (!machine_boot())
		fail_msg("%s: it doesn't boot: %s", call_name(), fail_text());
	if (is_decided && machine->disk.is_luks)
		fail_msg("%s: it was encrypted, though it was to be undone", call_name());
}

/* In a process of its own that ends at the call. */
static bool is_cut(const struct stage *stage, int (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(what() < 0 ? 1 : 0);
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != FAILING_CUT_STATUS)
		return false;
	if (what == undo)
		boot_to_be_undone(stage);
	else if (!machine_boot())
		fail_msg("%s: it doesn't boot: %s", call_name(), fail_text());
	return true;
}

static bool is_stopped(int (*what)(void))
{
	int r;

	fail_clear();
	r = what();
	if (failing->has_failed && r < 0 && !fail_text()[0])
		fail_msg("%s: gave up without a reason", call_name());
	return failing->has_failed;
}

/* From each stage up to the second phase behind it, where the next stage is. */
static bool is_of_this_stage(void)
{
	return failing->marks <= 1;
}

/* false: there is no n-th call. */
static bool try_call(const struct stage *stage, int (*what)(void), unsigned n, enum failing_how how)
{
	bool has_failed;

	is_judged = false;
	from = stage->name;
	restore(stage->machine);
	failing_begin(n, how);
	has_failed = how == FAILING_CUT ? is_cut(stage, what) : is_stopped(what);
	failing_end();
	is_judged = !has_failed || !is_of_this_stage();
	return has_failed;
}

static void assert_like(struct machine *wanted, const char *const *except)
{
	const char *what = machine_differs(wanted, except);

	if (what)
		fail_msg("%s: afterwards this is another: %s", call_name(), what);
	is_judged = true;
}

static void mark_phase(const char *phase UNUSED)
{
	failing_mark();
}

static void run_with(enum failing_how how)
{
	machine_at_phase = mark_phase;
	for (size_t i = 0; i < stage_count; i++) {
		unsigned n = 1;

		for (; try_call(&stages[i], start, n, how) && is_of_this_stage(); n++) {
			if (to_the_end() < 0)
				fail_msg("%s: run again: %s", call_name(), fail_text());
			assert_like(end, volatile_files);
		}
		assert_true(n > 5);
	}
}

/* A cut before the decision leaves the boot step to do what was due. */
static void goes_back_or_on(void)
{
	if (machine->disk.is_luks) {
		if (to_the_end() < 0)
			fail_msg("%s: run again: %s", call_name(), fail_text());
		assert_like(end, volatile_files);
		return;
	}
	if (undo() < 0)
		fail_msg("%s: undo again: %s", call_name(), fail_text());
	assert_like(stock, undone_files);
}

static void undo_with(enum failing_how how)
{
	unsigned failures = 0;

	for (size_t i = 1; i < stage_count && !stages[i].machine->disk.is_luks; i++) {
		for (unsigned n = 1; try_call(&stages[i], undo, n, how); n++, failures++) {
			goes_back_or_on();
		}
	}
	assert_true(failures > 200);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void add_stage(const char *name)
{
	assert_true(stage_count < STAGES_MAX);
	snprintf(stages[stage_count].name, sizeof(stages->name), "%s", name);
	stages[stage_count++].machine = keep();
}

static int make(void **state UNUSED)
{
	int r = PHASE_NEEDS_REBOOT;

	failing_make();
	machine_make();
	stock = keep();
	machine_at_phase = add_stage;
	for (unsigned i = 0; r > 0 && i < BOOTS_MAX; i++) {
		r = start();
		if (r <= 0)
			break;
		add_stage("before a boot");
		assert_true(machine_boot());
		add_stage("behind a boot");
	}
	machine_at_phase = NULL;
	end = keep();
	if (r < 0)
		fail_msg("%s: %s", stages[stage_count - 1].name, fail_text());
	return r;
}

static int forget(void **state UNUSED)
{
	for (size_t i = 0; i < stage_count; i++)
		free(stages[i].machine);
	free(stock);
	free(end);
	return 0;
}

static void ends_encrypted(void **state UNUSED)
{
	restore(end);
	assert_true(is_at_end());
	assert_true(end->disk.is_luks && end->disk.has_clevis);
	assert_false(end->disk.is_reencrypting || end->disk.is_unwiped || end->disk.has_recovery);
	assert_true(end->disk.is_rotated && !end->disk.has_old_slots);
	assert_true(end->mapping_bytes == machine_root_bytes() - 16 * MIB);
	assert_true(end->fs_bytes == end->mapping_bytes);
	assert_false(end->is_unit_enabled || end->has_key || end->has_remains);
	assert_true(machine_boot()); /* with nothing of ours */
}

static void runs_on_behind_each_failure(void **state UNUSED)
{
	run_with(FAILING_SAID);
}

static void runs_on_when_memory_is_short(void **state UNUSED)
{
	run_with(FAILING_BARE);
}

static void runs_on_behind_each_cut(void **state UNUSED)
{
	run_with(FAILING_CUT);
}

static void undoes_everything(void **state UNUSED)
{
	for (size_t i = 0; i < stage_count && !stages[i].machine->disk.is_luks; i++) {
		restore(stages[i].machine);
		assert_ok(undo());
		assert_like(stock, undone_files);
		assert_true(machine_boot());
	}
}

static void undoes_behind_each_failure(void **state UNUSED)
{
	undo_with(FAILING_SAID);
	undo_with(FAILING_BARE);
}

static void undoes_behind_each_cut(void **state UNUSED)
{
	undo_with(FAILING_CUT);
}

static int say_call(void **state UNUSED)
{
	if (!is_judged)
		print_error("ERROR: it was %s\n", call_name());
	is_judged = true;
	return 0;
}

/* The boot step has stopped in `place` before it changed anything, and says that undo is a way out.
 */
static void undoes_behind_a_stop_in_place(void **state UNUSED)
{
	const struct boot_result stopped = { .action = "convert",
					     .phase = "place",
					     .reason = "a reason" };
	size_t last = 0;

	while (!stages[last + 1].machine->disk.is_luks)
		last++;
	restore(stages[last].machine);
	assert_ok(file_replace_text("/proc/sys/kernel/random/boot_id", "another boot\n", 0600));
	assert_ok(boot_result_write(&stopped));
	assert_true(start() < 0);
	assert_said("or run \"panocrypt-bootstrap undo\"");
	assert_ok(undo());
	assert_like(stock, undone_files);
}

/* Last: what was left out? */

static const char *why_not(const struct failing_call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
		if (strcmp(exceptions[i].file, call->file) == 0 &&
		    strcmp(exceptions[i].name, call->name) == 0)
			return exceptions[i].why;
	}
	return NULL;
}

static void every_call_has_failed(void **state UNUSED)
{
	unsigned missing = 0;

	for (unsigned i = 0; i < failing_call_count; i++) {
		const struct failing_call *call = &failing_calls[i];

		if (failing->was_failed[i] == !why_not(call))
			continue;
		print_error("%s: %s %s\n", call->file, call->name,
			    why_not(call) ? "is an exception, and was called"
					  : "was never made to fail");
		missing++;
	}
	assert_int_equal(missing, 0);
}

/* A new phase must be among them. */
static void every_phase_has_failed(void **state UNUSED)
{
	for (size_t i = 0; i < phase_count; i++) {
		char file[64];
		unsigned count = 0;

		snprintf(file, sizeof(file), "phases/%s.c", phases[i]->name);
		for (unsigned k = 0; k < failing_call_count; k++)
			count += strcmp(failing_calls[k].file, file) == 0 && failing->was_failed[k];
		if (!count)
			fail_msg("no call of %s was made to fail", file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_encrypted),
		cmocka_unit_test_teardown(runs_on_behind_each_failure, say_call),
		cmocka_unit_test_teardown(runs_on_when_memory_is_short, say_call),
		cmocka_unit_test_teardown(runs_on_behind_each_cut, say_call),
		cmocka_unit_test_teardown(undoes_everything, say_call),
		cmocka_unit_test(undoes_behind_a_stop_in_place),
		cmocka_unit_test_teardown(undoes_behind_each_failure, say_call),
		cmocka_unit_test_teardown(undoes_behind_each_cut, say_call),
		cmocka_unit_test(every_call_has_failed),
		cmocka_unit_test(every_phase_has_failed),
	};

	return cmocka_run_group_tests(tests, make, forget);
}
