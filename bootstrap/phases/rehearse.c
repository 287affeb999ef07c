/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rehearse: unlocking the prepared header in the real initramfs, over the real boot network. Done
 * by the boot step, at the beginning of each boot that changes the disk; it leaves nothing on the
 * disk, so its result counts for this boot only.
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/phase.h"

#include <string.h>

static int rehearse_done(struct job *job UNUSED)
{
	struct boot_result result;
	int r = boot_result_read(&result);

	if (r < 0)
		return r;
	if (result.exists &&
	    (strcmp(result.phase, "carve") == 0 || strcmp(result.phase, "open") == 0))
		return 1; /* it came further than the rehearsal */
	return boot_result_check("rehearse");
}

const struct phase phase_rehearse = {
	.name = "rehearse",
	.place = PHASE_BOOT_STEP,
	.done = rehearse_done,
	.power_cut = "nothing: it reads the disk and writes memory",
};
