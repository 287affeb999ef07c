/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `status` knows: the phase by looking at the machine, the encryption by the header, rate and
 * waits by the word of the one at work. Writes nothing.
 */
#include "bootstrap/elsewhere.h"
#include "bootstrap/job.h"
#include "bootstrap/keyring.h"
#include "bootstrap/lock.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/verb_status.h"
#include "common/err.h"

#include <errno.h>
#include <string.h>

/* The header's own count: true also when nobody is at work. */
static void look_header(const struct job *job, struct standing *standing)
{
	const struct luks_where where = { job->facts->luks_device, NULL };
	struct progress *progress = &standing->progress;
	struct luks_status status;

	if (job->facts->root_kind != ROOT_LUKS || luks_look(&where, &status) < 0 ||
	    !status.is_reencrypting || !status.payload_bytes)
		return;
	standing->has_progress = true;
	snprintf(progress->phase, sizeof(progress->phase),
		 status.is_rotating ? "rotate" : "encrypt");
	progress->done_bytes = status.encrypted_bytes;
	progress->total_bytes = status.payload_bytes;
}

/* What the phase can't go on without. */
static bool is_key_missing(const struct job *job, const char *phase)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	unsigned number;

	if (strcmp(phase, "encrypt") == 0)
		number = 0;
	else if (strcmp(phase, "rotate") == 0)
		number = LUKS_NEXT_KEY;
	else
		return false;
	return keyring_get(job->intent.luks_uuid, number, &key) == -ENOKEY;
}

/* The word of the one at work, while it is at work and about the phase that is next. */
static bool look_word(struct standing *standing)
{
	struct progress word;

	if (progress_read(RUN_DIR, &word) < 0 || strcmp(word.phase, standing->phase) != 0)
		return false;
	standing->progress.bytes_per_s = word.bytes_per_s;
	memcpy(standing->progress.waiting, word.waiting, sizeof(word.waiting));
	if (standing->has_progress) /* by the header, which is exact */
		return true;
	standing->has_progress = word.total_bytes > 0;
	standing->progress = word;
	return true;
}

static void look_waiting(const struct job *job, struct standing *standing)
{
	standing->waiting = standing->progress.waiting;
	if (strcmp(standing->phase, "leave") == 0)
		standing->waiting = "the first native boot";
	else if (job->facts->is_running && !standing->waiting[0] &&
		 !standing->progress.bytes_per_s && is_key_missing(job, standing->phase))
		standing->waiting = "key";
}

void standing_refresh(const struct job *job, struct standing *standing)
{
	job->facts->is_running = lock_is_held_elsewhere();
	standing->has_progress = false;
	standing->progress = (struct progress){ "" };
	look_header(job, standing);
	if (job->facts->is_running)
		look_word(standing);
	look_waiting(job, standing);
	fail_clear();
}

int standing_look(struct job *job, int opened, struct standing *ret)
{
	const char *phase = NULL;
	int r;

	*ret = (struct standing){ .state = "none", .phase = "", .waiting = "" };
	if (opened == JOB_NONE) {
		if (job->facts->was_converted)
			ret->state = "converted";
		return 0;
	}
	ret->state = "undoing";
	if (job->intent.undo)
		return 0; /* no phase is next */
	ret->state = "converting";
	r = phases_current(job, &phase);
	if (r < 0)
		return r;
	ret->phase = phase ? phase : "";
	ret->is_elsewhere = is_elsewhere(&job->intent, job->facts);
	standing_refresh(job, ret);
	if (boot_result_read(&ret->result) < 0)
		ret->result.exists = false;
	fail_clear();
	return 0;
}
