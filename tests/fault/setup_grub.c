/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See setup.h. GRUB's images as far as whoever installs them looks at them: filled with one byte
 * each, by which the judge knows them (judge_grub.c).
 */
#include "tests/fault/setup.h"

#include "bootstrap/grub_core.h"
#include "common/err.h"
#include "common/file.h"
#include "tests/fault/world_phases.h"

#include <string.h>

#define CORE_SECTORS 24
#define PIECES_AT (GRUB_SECTOR_BYTES - 12) /* the list of where the core is, in its first sector */

/* As grub-mkimage leaves it: one piece behind the first sector, for the segment 0x820. */
static void make_core(uint8_t *core, uint8_t code)
{
	memset(core, code, CORE_SECTORS * GRUB_SECTOR_BYTES);
	memset(core + PIECES_AT - 12, 0, 24);
	core[PIECES_AT] = 2;
	core[PIECES_AT + 8] = CORE_SECTORS - 1;
	core[PIECES_AT + 10] = 0x20;
	core[PIECES_AT + 11] = 0x08;
}

/* Version, place of the core, drive. */
static void make_boot(uint8_t *sector, uint8_t code)
{
	memset(sector, code, GRUB_SECTOR_BYTES);
	sector[0] = 0xeb;
	sector[0x5a] = 0;
	sector[0x5b] = 0x80;
	memset(sector + 0x5c, 0, 8);
	sector[0x5c] = 1;
	sector[0x64] = 0xff;
	sector[0x1fe] = 0x55;
	sector[0x1ff] = 0xaa;
}

void setup_grub(const char *folder, uint8_t code)
{
	static uint8_t core[CORE_SECTORS * GRUB_SECTOR_BYTES], boot[GRUB_SECTOR_BYTES],
		module[SETUP_MODULE_BYTES];
	const struct {
		const uint8_t *data;
		size_t len;
	} files[] = { { module, sizeof(module) }, { core, sizeof(core) }, { boot, sizeof(boot) } };

	memset(module, code, sizeof(module));
	make_core(core, code);
	make_boot(boot, code);
	for (size_t i = 0; world_grub_files[i]; i++) {
		char path[300];

		snprintf(path, sizeof(path), "%s/" WORLD_GRUB_NEW "%s", folder,
			 world_grub_files[i]);
		if (file_replace(path, (const char *)files[i].data, files[i].len, 0600) < 0)
			die("%s: %s", path, fail_text());
	}
}
