/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo: puts every phase back, tells the server, and removes what is ours. May be run again when it
 * was stopped; after a reboot the unit does.
 */
#include "bootstrap/destroy.h"
#include "bootstrap/install.h"
#include "bootstrap/job.h"
#include "bootstrap/lock.h"
#include "bootstrap/our_files.h"
#include "bootstrap/report.h"
#include "bootstrap/step.h"
#include "bootstrap/verbs.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <string.h>

#define CA_COPY RUN_DIR "/ca.pem"

/* The phases take the CA's file away, but the last report needs it. */
static int keep_ca(struct intent *intent)
{
	int r;

	if (!intent->ca_file[0] || !file_exists(intent->ca_file))
		return 0;
	r = file_mkdirs(RUN_DIR, 0700);
	if (r == 0)
		r = file_copy(intent->ca_file, CA_COPY);
	if (r < 0)
		return r;
	snprintf(intent->ca_file, sizeof(intent->ca_file), "%s", CA_COPY);
	return 0;
}

int undo_job(struct job *job)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = job->state_dir,
				     .boot = job->boot };
	int r;

	r = keep_ca(&job->intent);
	if (r == 0)
		r = phases_undo(job);
	if (r < 0)
		return r;
	step_keep_low(job, false);
	report_progress(&reporter, "enroll", REPORT_REFUSED, -1,
			"undone on the machine: it is as it was; revoke the device");
	r = file_remove(CA_COPY);
	if (r == 0)
		r = our_files_remove(OUR_FILE_STAYS);
	if (r == 0)
		r = install_remove();
	if (r == 0)
		r = destroy_folder(job->state_dir);
	if (r < 0)
		return r;
	log_info("undone: the machine is as it was");
	return 0;
}

int verb_undo(const struct config *config)
{
	struct facts facts;
	struct job job;
	int r;

	if (geteuid() != 0)
		return fail(-EPERM, "only root can undo: run it again with sudo");
	r = lock_take();
	if (r == LOCK_BUSY)
		return fail(-EBUSY,
			    "another panocrypt-bootstrap is at work: stop it first (systemctl "
			    "stop " INSTALL_UNIT ")");
	if (r == 0)
		r = job_open(&job, config, &facts);
	if (r == -EBADMSG) {
		log_warning("%s", fail_text());
		r = job_open_damaged(&job, config, &facts);
	}
	if (r < 0)
		return r;
	if (r == JOB_NONE) {
		log_info("there is nothing to undo");
		return 0;
	}
	return undo_job(&job);
}
