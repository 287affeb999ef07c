/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shrink: the filesystem becomes the payload, F bytes. Done by the boot step (boot_act.c); here is
 * how to see it, and the way back, which runs online.
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/fs.h"
#include "bootstrap/phase.h"

static int shrink_done(struct job *job)
{
	const struct facts *facts = job->facts;
	const struct fs *fs = NULL;
	uint64_t size = 0, used = 0;
	int r;

	if (facts->root_kind == ROOT_LUKS)
		return 1;
	if (job->intent.payload_bytes) {
		r = fs_find(facts->root_fstype, &fs);
		if (r == 0)
			r = fs->size_bytes(facts->root_device, NULL, &size, &used);
		if (r < 0)
			return r;
		if (size == job->intent.payload_bytes)
			return 1;
	}
	r = phase_bootpart.done(job);
	return r > 0 ? boot_result_check("shrink")
		     : r; /* before that, no boot could have done it */
}

static int shrink_undo(struct job *job)
{
	const struct fs *fs = NULL;
	int r = fs_find(job->facts->root_fstype, &fs);

	return r < 0 ? r : fs->grow(job->facts->root_device);
}

const struct phase phase_shrink = {
	.name = "shrink",
	.place = PHASE_BOOT_STEP,
	.done = shrink_done,
	.undo = shrink_undo,
	.power_cut = "inside the filesystem's change: the boot step finishes it by its redo log, "
		     "or it had "
		     "not begun; behind it: a filesystem smaller than its partition, used as it is",
};
