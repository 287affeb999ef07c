/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine whose boot loader was cut while it was installed, as GRUB finds it. See judge.h.
 */
#include "bootstrap/grub_core.h"
#include "common/err.h"
#include "common/file.h"
#include "tests/fault/judge_private.h"
#include "tests/fault/setup.h"
#include "tests/fault/world_phases.h"

#include <string.h>
#include <sys/wait.h>

static bool is_filled(const uint8_t *data, size_t len, uint8_t code)
{
	return data[0] == code && memcmp(data, data + 1, len - 1) == 0;
}

/* Which GRUB the boot sector starts: 0 when it is none, or not whole. */
static uint8_t find_core(const char *disk)
{
	CLEANUP_VIEW struct view view = view_of(disk);
	const uint8_t *core;
	uint64_t first, count;
	uint8_t code;

	if (!grub_boot_sector_read(view.data, &first) || (first + 1) * GRUB_SECTOR_BYTES > view.len)
		return 0;
	core = view.data + first * GRUB_SECTOR_BYTES;
	if (!grub_core_length(core, &count) || count < 2 ||
	    (first + count) * GRUB_SECTOR_BYTES > view.len)
		return 0;
	code = core[GRUB_SECTOR_BYTES];
	return is_filled(core + GRUB_SECTOR_BYTES, (count - 1) * GRUB_SECTOR_BYTES, code) ? code
											  : 0;
}

/* The old one reads the old /boot, which nobody touches; the new one what is in this folder. */
static bool starts(const struct judge *judge, uint8_t *ret_code, char *ret_loss)
{
	CLEANUP_FREE char *module = NULL;
	char disk[300], path[300];
	size_t len = 0;

	snprintf(disk, sizeof(disk), "%s/" MACHINE_TABLE, judge->world->folder);
	snprintf(path, sizeof(path), "%s/" MACHINE_STATE "/%s", judge->world->folder,
		 world_grub_files[0]);
	*ret_code = find_core(disk);
	if (!*ret_code)
		return judge_lost(ret_loss, "the boot sector starts no whole GRUB");
	if (*ret_code == SETUP_GRUB_OLD)
		return true;
	if (file_read(path, MIB, &module, &len) < 0 || len != SETUP_MODULE_BYTES ||
	    !is_filled((const uint8_t *)module, len, *ret_code))
		return judge_lost(ret_loss, "the new GRUB doesn't find its modules");
	return true;
}

/* In a child: libraries remember. */
static bool installs(struct judge *judge)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(world_install_grub(judge->world) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool judge_starts(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	uint8_t code = 0;

	if (!starts(judge, &code, ret_loss))
		return false;
	if (!installs(judge))
		return judge_lost(ret_loss, "the boot loader can't be installed again");
	if (!starts(judge, &code, ret_loss))
		return false;
	return code == SETUP_GRUB_NEW || judge_lost(ret_loss, "the old GRUB is still in charge");
}
