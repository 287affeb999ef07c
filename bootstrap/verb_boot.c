/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `panocrypt-bootstrap boot`: called by our initramfs script, before the distribution looks for its
 * root. Looks, decides, acts, and leaves a result in memory for the running system. Ends with 0
 * whatever happened: the boot goes on.
 */
#include "bootstrap/boot_run.h"
#include "bootstrap/verbs.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <string.h>

static void clean_up(struct boot_run *run)
{
	boot_unmount_state(run);
	redo_done(&run->redo);
	if (!run->facts.is_boot_separate && run->header[0] && file_remove(run->header) < 0)
		log_warning("%s", fail_text());
}

static struct boot_decision look_and_act(struct boot_run *run, struct boot_result *result)
{
	struct boot_decision decision;

	boot_look(run);
	decision = boot_decide(&run->facts);
	log_info("%s: %s", boot_action_name(decision.action), decision.reason);
	boot_act(run, &decision, result);
	return decision;
}

int verb_boot(const struct config *config UNUSED)
{
	CLEANUP_FREE struct boot_run *run = calloc(1, sizeof(*run));
	struct boot_result result = { .exists = true };
	struct boot_decision decision;

	if (!run)
		return 0;
	log_info("boot step %s", PANOCRYPT_VERSION);
	decision = look_and_act(run, &result);
	if (decision.action == BOOT_REDO)
		look_and_act(run, &result);
	if (result.is_ok)
		log_info("the boot goes on");
	else
		log_error("%s: %s. The boot goes on", result.phase, result.reason);
	if (boot_result_write(&result) < 0)
		log_error("%s", fail_text());
	clean_up(run);
	return 0;
}
