/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A filesystem whose check at boot was cut: looked at as the kernel would mount it, and checked
 * again at the next boot, it must have its files. See judge.h.
 */
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "tests/fault/judge_private.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Each as it is in judge->files. */
static bool holds_files(const struct judge *judge, const char *device, const char *when,
			char *ret_loss)
{
	char out[300], request[320];
	const struct spawn clear = { .argv = { "rm", "-rf", out } };
	const struct spawn copy = { .argv = { "debugfs", "-R", request, device },
				    .is_quiet = true };
	const struct spawn compare = { .argv = { "diff", "-rq", "--no-dereference", "-x",
						 "lost+found", judge->files, out } };
	CLEANUP_FREE char *said = NULL;

	snprintf(out, sizeof(out), "%s/out", judge->world->folder);
	snprintf(request, sizeof(request), "rdump / %s", out);
	if (spawn_run(&clear) < 0 || mkdir(out, 0700) < 0 || spawn_run(&copy) < 0)
		return judge_lost(ret_loss, "%s, it can't be read: %s", when, fail_text());
	if (spawn_text(&compare, &said) < 0)
		return judge_lost(ret_loss, "%s, its files aren't what they were: %s", when,
				  fail_text());
	return true;
}

/* Without a check: the kernel refuses what has a wrong checksum, and replays a journal that asks
 * for it, which is e2fsck's work here. */
static bool is_mounted_as_it_is(const char *device)
{
	const struct spawn look = { .argv = { "dumpe2fs", "-h", device }, .is_quiet = true };
	CLEANUP_FREE char *text = NULL;

	if (spawn_text(&look, &text) < 0) {
		fail_clear();
		return false;
	}
	return !strstr(text, "needs_recovery");
}

static bool is_mounted_by_us(struct judge *judge)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(world_mount(judge->world) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool judge_mends(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	char device[300];

	judge_device(judge, device);
	if (is_mounted_as_it_is(device) &&
	    !holds_files(judge, device, "mounted as it is", ret_loss))
		return false;
	if (!is_mounted_by_us(judge))
		return judge_lost(ret_loss, "the next boot can't mount it");
	return judge_is_sound(judge, ret_loss) &&
	       holds_files(judge, device, "checked again", ret_loss);
}
