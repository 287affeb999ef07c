/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to reboot and when not: phases, the boot step's result, reports and systemctl are fakes.
 * What must never happen is a machine that reboots again and again.
 *
 * UNIT_SOURCES: bootstrap/step.c bootstrap/elsewhere.c
 */
#include "bootstrap/step.h"

#include "bootstrap/boot_step.h"
#include "bootstrap/fs.h"
#include "bootstrap/report.h"
#include "bootstrap/spawn.h"
#include "tests/unit/unit.h"

static struct {
	const char *before, *after; /* the next phase before and behind phases_run(); NULL: none */
	int outcome;
	bool has_run;
	unsigned reboots, reports;
	int reboot_result;
	enum report_state reported;
	char reported_phase[32], reported_message[512];
	struct boot_result result;
	int keep_low_result;
	unsigned kept_low;
} world;

static struct config config;
static struct facts facts;
static struct job job = { .config = &config, .facts = &facts, .state_dir = "/nonexistent" };

int phases_current(struct job *of UNUSED, const char **ret)
{
	*ret = world.has_run ? world.after : world.before;
	return 0;
}

int phases_run(struct job *of UNUSED)
{
	world.has_run = true;
	return world.outcome < 0 ? fail(world.outcome, "a phase failed") : world.outcome;
}

int boot_result_read(struct boot_result *ret)
{
	*ret = world.result;
	return 0;
}

void report_progress(struct reporter *reporter UNUSED, const char *phase, enum report_state state,
		     double percent UNUSED, const char *message)
{
	world.reports++;
	world.reported = state;
	snprintf(world.reported_phase, sizeof(world.reported_phase), "%s", phase);
	snprintf(world.reported_message, sizeof(world.reported_message), "%s", message);
}

static int keep_low(const char *device, bool is_wanted)
{
	assert_string_equal(device, "/dev/vda1");
	assert_true(is_wanted);
	assert_false(world.has_run);
	world.kept_low++;
	return world.keep_low_result < 0 ? fail(world.keep_low_result, "no such knob") : 0;
}

int fs_find(const char *name UNUSED, const struct fs **ret)
{
	static const struct fs fs = { .keep_low = keep_low };

	*ret = &fs;
	return 0;
}

int spawn_run(const struct spawn *spawn)
{
	assert_string_equal(spawn->argv[0], "systemctl");
	assert_string_equal(spawn->argv[1], "reboot");
	world.reboots++;
	return world.reboot_result < 0 ? fail(world.reboot_result, "no systemctl") : 0;
}

static int setup(void **state UNUSED)
{
	memset(&world, 0, sizeof(world));
	memset(&config, 0, sizeof(config));
	memset(&facts, 0, sizeof(facts));
	facts.root_kind = ROOT_PARTITION;
	strcpy(facts.root_device, "/dev/vda1");
	memset(&job.intent, 0, sizeof(job.intent));
	return 0;
}

static void wants(const char *before, const char *after, int outcome)
{
	world.before = before;
	world.after = after;
	world.outcome = outcome;
}

/* Before anything is written, and only while it can be of use; that it can't be done stops nothing.
 */
static void keeps_a_plain_root_low(void **state UNUSED)
{
	wants("packages", NULL, 0);
	assert_int_equal(step_phases(&job, false), 0);
	assert_int_equal(world.kept_low, 1);

	setup(NULL);
	world.keep_low_result = -EACCES;
	wants("packages", NULL, 0);
	assert_int_equal(step_phases(&job, false), 0);
	assert_true(world.has_run);

	setup(NULL);
	facts.root_kind = ROOT_LUKS;
	wants("encrypt", NULL, 0);
	assert_int_equal(step_phases(&job, false), 0);
	assert_int_equal(world.kept_low, 0);
}

static void finishes(void **state UNUSED)
{
	wants("leave", NULL, 0);
	assert_ok(step_phases(&job, true));
	assert_int_equal(world.reboots, 0);
}

static const struct elsewhere_row {
	const char *enrolled, *now;
	enum root_kind root_kind;
	int r;
} elsewhere_rows[] = {
	{ "4C4C4544-0001", "4C4C4544-0001", ROOT_PARTITION, 0 },
	{ "4C4C4544-0001", "4c4c4544-0001", ROOT_PARTITION, 0 },
	{ "4C4C4544-0001", "4C4C4544-0002", ROOT_PARTITION, -EXDEV },
	{ "4C4C4544-0001", "4C4C4544-0002", ROOT_LUKS, 0 }, /* too late: it goes on */
	{ "", "4C4C4544-0002", ROOT_PARTITION, 0 },
	{ "4C4C4544-0001", "", ROOT_PARTITION, 0 },
};

static void notices_a_clone(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere_rows); i++) {
		const struct elsewhere_row *row = &elsewhere_rows[i];

		setup(state);
		wants("encrypt", NULL, 0);
		strcpy(job.intent.product_uuid, row->enrolled);
		strcpy(facts.product_uuid, row->now);
		facts.root_kind = row->root_kind;
		if (step_phases(&job, false) != row->r)
			fail_msg("row %zu: %s", i, fail_text());
		assert_int_equal(world.has_run, row->r == 0);
		if (row->r < 0)
			assert_said("another machine");
	}
}

static void reboots_for_the_boot_step(void **state UNUSED)
{
	wants("enroll", "rehearse", PHASE_NEEDS_REBOOT);
	assert_ok(step_phases(&job, false));
	assert_int_equal(world.reboots, 1);
	setup(state);
	wants("bootpart", "shrink", PHASE_NEEDS_REBOOT);
	assert_ok(step_phases(&job, true));
	assert_int_equal(world.reboots, 1);
	assert_int_equal(world.reports, 0);
}

/* A person asks for another try: that one may reboot, whatever the last boot did. */
static void run_tries_again(void **state UNUSED)
{
	wants("rehearse", "rehearse", PHASE_NEEDS_REBOOT);
	assert_ok(step_phases(&job, false));
	assert_int_equal(world.reboots, 1);
}

static void stops_after_a_failed_boot_step(void **state UNUSED)
{
	wants("rehearse", "rehearse", PHASE_NEEDS_REBOOT);
	world.result = (struct boot_result){ .exists = true };
	strcpy(world.result.phase, "rehearse");
	strcpy(world.result.reason, "the server denied");
	assert_int_equal(step_phases(&job, true), -ECANCELED);
	assert_said("the server denied");
	assert_said("run");
	assert_int_equal(world.reboots, 0);
	assert_int_equal(world.reported, REPORT_FAILED);
	assert_string_equal(world.reported_phase, "rehearse");
	assert_string_equal(world.reported_message, "the server denied");
}

/* Another kernel was booted, or the image lost our step: rebooting again would go on for ever. */
static void stops_when_the_boot_step_did_not_run(void **state UNUSED)
{
	wants("shrink", "shrink", PHASE_NEEDS_REBOOT);
	assert_int_equal(step_phases(&job, true), -ECANCELED);
	assert_said("did not run");
	assert_int_equal(world.reboots, 0);
	assert_string_equal(world.reported_phase, "shrink");
}

static void stops_when_the_native_boot_was_none(void **state UNUSED)
{
	wants("leave", "leave", PHASE_NEEDS_REBOOT);
	assert_int_equal(step_phases(&job, true), -ECANCELED);
	assert_int_equal(world.reboots, 0);
}

static void waits_without_final_reboot(void **state UNUSED)
{
	wants("verify", "leave", PHASE_WAITS);
	assert_ok(step_phases(&job, true));
	assert_int_equal(world.reboots, 0);
	assert_int_equal(world.reports, 0);
}

static void passes_failures_on(void **state UNUSED)
{
	wants("packages", "packages", -EIO);
	assert_int_equal(step_phases(&job, true), -EIO);
	assert_said("a phase failed");
	assert_int_equal(world.reboots, 0);
}

static void obeys_no_reboot(void **state UNUSED)
{
	config.no_reboot = true;
	wants("enroll", "rehearse", PHASE_NEEDS_REBOOT);
	assert_ok(step_phases(&job, false));
	assert_int_equal(world.reboots, 0);
}

static void says_when_rebooting_fails(void **state UNUSED)
{
	wants("enroll", "rehearse", PHASE_NEEDS_REBOOT);
	world.reboot_result = -EIO;
	assert_int_equal(step_phases(&job, false), -EIO);
	assert_said("by hand");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keeps_a_plain_root_low, setup),
		cmocka_unit_test_setup(finishes, setup),
		cmocka_unit_test_setup(notices_a_clone, setup),
		cmocka_unit_test_setup(reboots_for_the_boot_step, setup),
		cmocka_unit_test_setup(run_tries_again, setup),
		cmocka_unit_test_setup(stops_after_a_failed_boot_step, setup),
		cmocka_unit_test_setup(stops_when_the_boot_step_did_not_run, setup),
		cmocka_unit_test_setup(stops_when_the_native_boot_was_none, setup),
		cmocka_unit_test_setup(waits_without_final_reboot, setup),
		cmocka_unit_test_setup(passes_failures_on, setup),
		cmocka_unit_test_setup(obeys_no_reboot, setup),
		cmocka_unit_test_setup(says_when_rebooting_fails, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
