/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An encrypted machine whose wipe was cut. See judge.h.
 */
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "tests/fault/judge_private.h"
#include "tests/fault/world_phases.h"

#include <sys/wait.h>

/* In a child: libraries remember. */
static bool wipes(struct judge *judge)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(world_wipe(judge->world) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool is_tail_zero(const struct judge *judge, const char *device)
{
	CLEANUP_VIEW struct view view = view_of(device);

	for (uint64_t at = judge->shift_bytes + judge->payload_bytes; at < view.len; at++) {
		if (view.data[at])
			return false;
	}
	return true;
}

bool judge_wipes(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	char device[300];

	judge_device(judge, device);
	if (!wipes(judge))
		return judge_lost(ret_loss, "the wipe can't be finished");
	if (wiped_is_pending(&(struct luks_where){ device, NULL }) != 0)
		return judge_lost(ret_loss, "the wipe isn't finished: %s", fail_text());
	if (!is_tail_zero(judge, device))
		return judge_lost(ret_loss, "old plaintext is left behind the filesystem");
	return judge_decrypted_same(judge, ret_loss);
}

bool judge_refuses_to_wipe(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	if (wipes(judge))
		return judge_lost(ret_loss, "a filesystem that has grown is not noticed");
	return judge_decrypted_same(judge, ret_loss);
}
