/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run: from the first look to the first reboot, or on from where an earlier start stopped.
 * Everything that a refusal could stop is before the first write.
 */
#include "bootstrap/install.h"
#include "bootstrap/job.h"
#include "bootstrap/lock.h"
#include "bootstrap/plan.h"
#include "bootstrap/report.h"
#include "bootstrap/step.h"
#include "bootstrap/stop.h"
#include "bootstrap/verbs.h"
#include "bootstrap/wish.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/secret.h"

#include <errno.h>
#include <string.h>

#define PASSPHRASE_BYTES_MAX 512
#define PACKAGES_WAIT_S 120
#define PACKAGES_LOOK_S 2

static int print_plan(const struct plan *plan, const struct facts *facts)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	r = plan_print(plan, facts, &text);
	if (r < 0)
		return r;
	fputs(text, stdout);
	fflush(stdout);
	return 0;
}

/* A fresh machine updates its packages at its first boot: unattended, that is worth waiting for. */
static int wait_for_packages(const struct config *config, struct facts *facts, struct plan *plan)
{
	unsigned waited_s;
	int r;

	for (waited_s = 0; waited_s < PACKAGES_WAIT_S; waited_s += PACKAGES_LOOK_S) {
		if (!config->yes || plan->refusal_count != 1 ||
		    strcmp(plan->refusals[0].code, "package-manager-busy") != 0)
			return 0;
		if (waited_s == 0)
			log_info("waiting for the package manager, %d s at most", PACKAGES_WAIT_S);
		if (stop_wait(PACKAGES_LOOK_S))
			return 0;
		r = facts_collect(facts, config->state_dir);
		if (r < 0)
			return r;
		facts->has_intent = false;
		plan_build(facts, config, plan);
	}
	return 0;
}

static int ask(const struct config *config)
{
	char answer[16] = "";

	if (config->yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return fail(-EINVAL, "nobody can be asked here: give --yes to begin");
	printf("\nType yes to begin: ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0)
		return fail(-ECANCELED, "not begun; nothing was changed");
	return 0;
}

static int check_recovery_file(const struct config *config)
{
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;
	int r;

	if (!config->recovery_passphrase_file)
		return 0;
	r = secret_read_file(&passphrase, config->recovery_passphrase_file, PASSPHRASE_BYTES_MAX);
	if (r == -ENOENT)
		return fail(r, "there is no recovery passphrase file %s",
			    config->recovery_passphrase_file);
	return r < 0 ? fail_at(r, "the recovery passphrase file") : 0;
}

static int begin(const struct config *config, const struct plan *plan, struct job *job)
{
	int r;

	r = check_recovery_file(config);
	if (r == 0)
		r = ask(config);
	if (r == 0)
		r = job_intend(plan, job->facts, config, &job->intent);
	if (r == 0)
		r = file_mkdirs(config->state_dir, 0700);
	if (r == 0)
		r = intent_write(config->state_dir, &job->intent);
	return r;
}

/* Before anything is installed: a key that isn't taken leaves no more behind than a nonce. */
static int enroll(struct job *job)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = job->state_dir,
				     .boot = job->boot };
	int r;

	r = phase_enroll.done(job);
	if (r != 0)
		return r < 0 ? r : 0;
	r = phase_enroll.run(job);
	if (r < 0)
		return fail_at(r, "%s", phase_enroll.name);
	report_progress(&reporter, phase_enroll.name, REPORT_DONE, -1, NULL);
	return 0;
}

/* How fast it may go may be said again at each run. */
static int take_rate(const struct job *job)
{
	struct wish wish;
	int r;

	if (job->config->max_rate == CONFIG_NO_RATE)
		return 0;
	r = wish_read(job->state_dir, &wish);
	if (r < 0)
		return r;
	wish.max_bytes_per_s = job->config->max_rate;
	return wish_write(job->state_dir, &wish);
}

static int convert(struct job *job)
{
	int r;

	r = take_rate(job);
	if (r == 0)
		r = enroll(job);
	if (r == 0)
		r = install_self();
	return r < 0 ? r : step_phases(job, false);
}

int verb_run(const struct config *config)
{
	bool is_new, is_lockable = geteuid() == 0;
	struct facts facts;
	struct plan plan;
	struct job job = { .config = config };
	int r;

	r = is_lockable ? lock_take() : 0; /* LOCK_BUSY: the facts say so, and the plan refuses */
	if (r < 0)
		return r;
	memset(&facts, 0, sizeof(facts));
	r = job_open(&job, config, &facts);
	if (r < 0 && !facts.is_intent_damaged)
		return r;
	if (r == 0 && job.intent.undo)
		return fail(-ECANCELED,
			    "an undo was begun on this machine and isn't finished: finish it with "
			    "\"panocrypt-bootstrap undo\", then run again");
	is_new = r == JOB_NONE || !job.intent.device[0];
	if (is_new)
		facts.has_intent = false;
	plan_build(&facts, config, &plan);
	r = wait_for_packages(config, &facts, &plan);
	if (r == 0 && (is_new || plan.refusal_count > 0))
		r = print_plan(&plan, &facts);
	if (r < 0)
		return r;
	if (plan.refusal_count > 0)
		return VERB_REFUSED;
	if (is_new)
		r = begin(config, &plan, &job);
	return r < 0 ? r : convert(&job);
}
