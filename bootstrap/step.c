/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between phases: when to reboot, and when to rather stop and say why.
 */
#include "bootstrap/step.h"

#include "bootstrap/boot_step.h"
#include "bootstrap/elsewhere.h"
#include "bootstrap/fs.h"
#include "bootstrap/install.h"
#include "bootstrap/report.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>

static int reboot_machine(const struct job *job, const char *phase)
{
	const struct spawn spawn = { .argv = { "systemctl", "reboot" }, .timeout_s = 300 };
	int r;

	if (job->config->no_reboot) {
		log_info("%s comes at the next boot: reboot when it suits", phase);
		return 0;
	}
	log_info("rebooting for %s", phase);
	r = spawn_run(&spawn);
	return r < 0 ? fail_at(r, "rebooting; reboot by hand") : 0;
}

/* The boot step had its chance and the phase isn't done: says why, to people and the server. */
static int stop_here(struct job *job, const char *phase)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = job->state_dir,
				     .boot = job->boot };
	struct boot_result result = { .exists = false };
	const char *reason = "the boot step did not run: another boot entry or kernel was started";
	int r;

	r = boot_result_read(&result);
	if (r < 0)
		log_warning("%s", fail_text());
	else if (result.exists)
		reason = result.reason[0] ? result.reason : "the boot step gave no reason";
	r = fail(-ECANCELED,
		 "%s was not done at this boot: %s. The machine goes on as it is; when that is "
		 "mended, "
		 "go on with: " INSTALL_PROGRAM " run",
		 result.exists && result.phase[0] ? result.phase : phase, reason);
	report_progress(&reporter, result.exists && result.phase[0] ? result.phase : phase,
			REPORT_FAILED, -1, reason);
	return r;
}

/* The name of the phase that is next; "" when all are done. */
static int next_phase(struct job *job, const char **ret)
{
	const char *name = NULL;
	int r;

	r = phases_current(job, &name);
	if (r < 0)
		return r;
	*ret = name ? name : "";
	return 0;
}

/* Before there is something encrypted, it ends here; behind that, the disk is only worse off half
 * encrypted: said, and shown by status and evidence. */
static int check_machine(const struct job *job)
{
	if (!is_elsewhere(&job->intent, job->facts))
		return 0;
	if (job->facts->root_kind == ROOT_LUKS) {
		log_warning(ELSEWHERE_TEXT ". It is encrypted to the end; then give one of them a "
					   "new volume key and a device of its own");
		return 0;
	}
	return fail(-EXDEV, ELSEWHERE_TEXT ". Here: " INSTALL_PROGRAM
					   " undo, then run with a new enrollment key");
}

void step_keep_low(const struct job *job, bool is_wanted)
{
	const struct fs *fs = NULL;

	if (job->facts->root_kind != ROOT_PARTITION)
		return;
	if (fs_find(job->facts->root_fstype, &fs) < 0 ||
	    fs->keep_low(job->facts->root_device, is_wanted) < 0)
		log_warning("more than what is used may have to be encrypted: %s", fail_text());
}

int step_phases(struct job *job, bool is_after_boot)
{
	const char *before = "", *after = "";
	int outcome, r;

	step_keep_low(job, true);
	r = check_machine(job);
	if (r < 0)
		return r;
	r = next_phase(job, &before);
	if (r < 0)
		return r;
	outcome = phases_run(job);
	if (outcome < 0)
		return outcome;
	if (outcome == 0) {
		log_info("the conversion is finished");
		return 0;
	}
	r = next_phase(job, &after);
	if (r < 0)
		return r;
	if (outcome != PHASE_NEEDS_REBOOT) {
		log_info("%s waits for the next reboot, whenever it suits", after);
		return 0;
	}
	if (is_after_boot && strcmp(before, after) == 0)
		return stop_here(job, after);
	return reboot_machine(job, after);
}
