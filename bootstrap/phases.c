/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE ordered table of phases and the runner. The disk is the state: nothing here remembers what
 * was done.
 */
#include "bootstrap/phase.h"

#include "bootstrap/report.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>

const struct phase *const phases[] = {
	/* running 1 */
	&phase_enroll,
	&phase_packages,
	&phase_header,
	&phase_initramfs,
	/* boot 1, when root holds /boot */
	&phase_rehearse,
	&phase_carve,
	/* running 2 */
	&phase_bootpart,
	/* boot 2 */
	&phase_shrink,
	&phase_place,
	&phase_open,
	/* running 3 */
	&phase_encrypt,
	&phase_wipe,
	&phase_grow,
	&phase_rotate,
	&phase_native,
	&phase_verify,
	/* running 4, after the native boot */
	&phase_leave,
};
const size_t phase_count = ARRAY_SIZE(phases);

static bool is_wanted(const struct job *job, const struct phase *phase)
{
	return !phase->is_wanted || phase->is_wanted(job);
}

/* Index of the first phase behind the last one that is done. */
static int find_next(struct job *job, size_t *ret)
{
	size_t next = phase_count;

	for (size_t i = phase_count; i > 0; i--) {
		int r;

		if (!is_wanted(job, phases[i - 1]))
			continue;
		r = phases[i - 1]->done(job);
		if (r < 0)
			return fail_at(r, "%s", phases[i - 1]->name);
		if (r > 0)
			break;
		next = i - 1;
	}
	*ret = next;
	return 0;
}

int phases_current(struct job *job, const char **ret)
{
	size_t next = 0;
	int r = find_next(job, &next);

	if (r < 0)
		return r;
	*ret = next < phase_count ? phases[next]->name : NULL;
	return 0;
}

static int run_one(struct job *job, const struct phase *phase, struct reporter *reporter)
{
	int r;

	log_info("%s: starting", phase->name);
	report_progress(reporter, phase->name, REPORT_RUNNING, -1, NULL);
	r = phase->run(job);
	if (r < 0) {
		fail_at(r, "%s", phase->name);
		report_progress(reporter, phase->name, REPORT_FAILED, -1, fail_text());
		return r;
	}
	if (r > 0)
		return r;
	log_info("%s: done", phase->name);
	/* leave reports its own end, before it destroys the report token. */
	if (phase != &phase_leave)
		report_progress(reporter, phase->name, REPORT_DONE, -1, NULL);
	return 0;
}

int phases_run(struct job *job)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = STATE_DIR,
				     .boot = job->boot };
	size_t next = 0;
	int r = find_next(job, &next);

	if (r < 0)
		return r;
	for (; next < phase_count; next++) {
		if (!is_wanted(job, phases[next]))
			continue;
		if (phases[next]->place == PHASE_BOOT_STEP) {
			r = phases[next]->done(job);
			if (r < 0)
				return fail_at(r, "%s", phases[next]->name);
			if (r == 0)
				return PHASE_NEEDS_REBOOT;
			continue;
		}
		r = run_one(job, phases[next], &reporter);
		if (r != 0)
			return r;
	}
	return 0;
}

/* What the next boot reads comes first: on /boot, as soon as the state has moved there. */
static int decide_undo(struct job *job)
{
	int r = 0;

	job->intent.undo = true;
	if (file_exists(BOOT_STATE_DIR "/" INTENT_FILE))
		r = intent_write(BOOT_STATE_DIR, &job->intent);
	return r < 0 ? r : intent_write(job->state_dir, &job->intent);
}

int phases_undo(struct job *job)
{
	int r = place_is_begun(job);

	if (r < 0)
		return fail_at(r, "place");
	if (r > 0)
		return fail(-EBUSY,
			    "too-late: the encryption of this disk has begun and goes on; the way "
			    "back would be to "
			    "decrypt it, which is not built. Let it finish, or restore a backup");
	r = decide_undo(job);
	if (r < 0)
		return fail_at(r, "undo");
	for (size_t i = phase_count; i > 0; i--) {
		const struct phase *phase = phases[i - 1];

		if (!phase->undo)
			continue;
		log_info("undo %s", phase->name);
		r = phase->undo(job);
		if (r < 0)
			return fail_at(r, "undo %s", phase->name);
	}
	return 0;
}
