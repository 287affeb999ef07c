/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * carve: a partition for /boot at the tail of root's. Done by the boot step (boot_act.c), which
 * cuts the filesystem first and the partition table then; here is how to see it, and the way back,
 * which runs online.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_step.h"
#include "bootstrap/fs.h"
#include "bootstrap/phase.h"
#include "bootstrap/table.h"
#include "common/err.h"

static int carve_done(struct job *job)
{
	char device[FACTS_PATH_MAX];

	if (!job->intent.boot_bytes)
		return 1; /* /boot has had a partition of its own all along */
	if (block_find("PARTUUID", job->intent.boot_partuuid, device, sizeof(device)) == 0)
		return 1;
	return boot_result_check("carve");
}

/* The new /boot isn't mounted any more (undo of bootpart); root is, and grows under its mount. */
static int carve_undo(struct job *job)
{
	const struct facts *facts = job->facts;
	const struct fs *fs = NULL;
	int r;

	if (!job->intent.boot_bytes)
		return 0;
	r = fs_find(facts->root_fstype, &fs);
	if (r < 0)
		return r;
	r = table_uncarve(facts->disk, facts->root_number, job->intent.boot_partuuid);
	return r < 0 ? r : fs->grow(facts->root_device);
}

const struct phase phase_carve = {
	.name = "carve",
	.place = PHASE_BOOT_STEP,
	.done = carve_done,
	.undo = carve_undo,
	.power_cut = "inside the filesystem's change: the boot step finishes it by its redo log, "
		     "or it had "
		     "not begun; between filesystem and table: a filesystem smaller than its "
		     "partition, done again; inside the table: one of its two copies is whole",
};
