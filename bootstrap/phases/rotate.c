/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `rotate`, only with --rotate-after: the whole disk once more, to the volume key whose slots
 * `header` has made (luks_next.h), so that who has seen the first one, in the memory of the machine
 * while it was converted, can't read the disk with it. What to do is rotate_decide()'s.
 */
#include "bootstrap/rotate.h"

#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/phases/chunks.h"
#include "common/err.h"
#include "common/log.h"

static bool rotate_is_wanted(const struct job *job)
{
	return job->intent.rotate_after;
}

static int rotate_done(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_status status;
	enum rotate_step step;
	int r = chunks_look(job, device, sizeof(device), &status);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (!status.is_luks2 || rotate_decide(&status, &step) < 0) {
		fail_clear(); /* run() says it */
		return 0;
	}
	return step == ROTATE_DONE;
}

static int begin(const char *device, const struct secret *volume_key, const struct secret *next_key)
{
	int r = luks_rotate_init(device, MAPPING_NAME, volume_key, next_key);

	if (r == 0)
		log_info("rotate: from here on the disk goes over to its new volume key");
	return r;
}

static int rotate_run(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_status status;
	struct chunks chunks = { .phase = "rotate", .needs_next_key = true };
	enum rotate_step step = ROTATE_DONE;
	int r = chunks_look(job, device, sizeof(device), &status);

	if (r == -ENODEV)
		return fail(r, "the encrypted volume %s is not there", job->intent.luks_uuid);
	if (r == 0)
		r = rotate_decide(&status, &step);
	if (r < 0)
		return r;
	if (step == ROTATE_BEGIN)
		chunks.begin = begin;
	if (step == ROTATE_BEGIN || step == ROTATE_GO_ON)
		r = chunks_run(job, &chunks);
	if (r == 0 && step != ROTATE_DONE)
		r = luks_next_tidy(&(struct luks_where){ device, NULL });
	return r;
}

const struct phase phase_rotate = {
	.name = "rotate",
	.place = PHASE_RUNNING,
	.is_wanted = rotate_is_wanted,
	.done = rotate_done,
	.run = rotate_run,
	.power_cut =
		"both header copies name the hot chunk, and the keyslot area has it as it was: the "
		"next boot finishes it; run again",
};
