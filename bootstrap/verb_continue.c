/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * continue: what the systemd unit calls at every boot until `leave`. Everything it needs is in the
 * intent; nothing is asked.
 */
#include "bootstrap/job.h"
#include "bootstrap/lock.h"
#include "bootstrap/our_files.h"
#include "bootstrap/phase.h"
#include "bootstrap/step.h"
#include "bootstrap/verbs.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>

int verb_continue(const struct config *config)
{
	struct facts facts;
	struct job job;
	int r;

	r = lock_take();
	if (r < 0)
		return r;
	if (r == LOCK_BUSY)
		return fail(-EBUSY,
			    "another panocrypt-bootstrap is at work: leaving it to that one");
	r = job_open(&job, config, &facts);
	if (r < 0)
		return r;
	if (r == JOB_NONE && !file_exists(BOOT_STATE_DIR) && !file_exists(OUR_BOOT_HOOK)) {
		log_info("no conversion is under way any more: removing what is left of one");
		return leave_rest();
	}
	if (r == JOB_NONE || !job.intent.device[0]) {
		log_info("this machine isn't enrolled: nothing to go on with");
		return 0;
	}
	if (job.intent.undo) {
		log_info("an undo was begun and not finished: going on with it");
		return undo_job(&job);
	}
	return step_phases(&job, true);
}
