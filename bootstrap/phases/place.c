/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place: the header takes the head of the root partition. Done by the boot step (boot_act.c,
 * place.c). There is no way back from it here; phases_undo() refuses.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_step.h"
#include "bootstrap/luks.h"
#include "bootstrap/phase.h"
#include "common/err.h"

#include <string.h>

int place_is_begun(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_status status;
	int r;

	r = block_find("PARTUUID", job->intent.root_partuuid, device, sizeof(device));
	if (r < 0) {
		fail_clear(); /* no such partition: the next boot step says so */
		return 0;
	}
	r = luks_look(&(struct luks_where){ .header = device }, &status);
	if (r < 0)
		return r;
	return status.is_luks2 && strcmp(status.uuid, job->intent.luks_uuid) == 0;
}

static int place_done(struct job *job)
{
	int r = place_is_begun(job);

	return r != 0 ? r : boot_result_check("place");
}

const struct phase phase_place = {
	.name = "place",
	.place = PHASE_BOOT_STEP,
	.done = place_done,
	.power_cut = "before the header: a plain root; inside it: the boot step writes the header "
		     "again before anything is "
		     "mounted; behind the marker: an encrypted root, all of it still linear",
};
