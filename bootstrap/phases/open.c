/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open: the root runs on the mapping. Done by the boot step with the distribution's cryptsetup, or
 * by the distribution itself. A root that was opened around an unfinished `place` is a stop:
 * encrypting on would make header.post stale, and the next boot step would write it over the
 * header.
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/phase.h"
#include "bootstrap/place.h"
#include "common/err.h"
#include "common/file.h"

#include <errno.h>
#include <string.h>

static int open_done(struct job *job)
{
	const struct facts *facts = job->facts;

	if (facts->root_kind != ROOT_LUKS || strcmp(facts->luks_uuid, job->intent.luks_uuid) != 0)
		return boot_result_check("open");
	if (file_exists(BOOT_STATE_DIR "/" HEADER_POST_FILE) && !place_has_marker(BOOT_STATE_DIR))
		return fail(-EBUSY, "the disk was opened before its header was known to be whole: "
				    "reboot into the default "
				    "menu entry, whose boot step finishes that first");
	return 1;
}

const struct phase phase_open = {
	.name = "open",
	.place = PHASE_BOOT_STEP,
	.done = open_done,
	.power_cut = "nothing: the next boot opens it again",
};
