/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of grub-mkconfig's results replaces grub.cfg: one whose entries all find the root.
 * UNIT_SOURCES: bootstrap/grub.c tests/unit/fake_files.c
 */
#include "bootstrap/grub.h"
#include "bootstrap/grub_switch.h"
#include "bootstrap/mount.h"
#include "bootstrap/spawn.h"
#include "bootstrap/table.h"
#include "common/file.h"

#include "tests/unit/fake_files.h"
#include "tests/unit/unit.h"

#define FS_UUID "11111111-2222-4333-8444-555555555555"
#define OLD "the old one"

static struct fake_files files;
static const char *made; /* by grub-mkconfig; NULL: it fails */

int spawn_run(const struct spawn *spawn)
{
	assert_string_equal(spawn->argv[0], "grub-mkconfig");
	if (!made)
		return fail(-EIO, "grub-mkconfig ended with status 1");
	fake_file_put(spawn->argv[2], made, strlen(made));
	return 0;
}

int mount_settle(const char *path UNUSED)
{
	return 0;
}

int table_read(const char *disk UNUSED, struct table *ret UNUSED)
{
	return -EIO;
}

int grub_switch_bios(const char *disk UNUSED, uint64_t start UNUSED, uint64_t bytes UNUSED,
		     const char *folder UNUSED)
{
	return -EIO;
}

int grub_switch_efi(const char *staged UNUSED, const char *esp UNUSED)
{
	return -EIO;
}

static void takes_what_finds_the_root(void **state UNUSED)
{
	static const struct {
		const char *made;
		bool is_taken;
	} rows[] = {
		{ "menuentry\n\tlinux\t/vmlinuz-1 root=UUID=" FS_UUID " ro\n", true },
		{ "\tlinux /vmlinuz-1 root=/dev/mapper/cryptroot ro\n", true }, /* Adiantum */
		{ "\tlinux /vmlinuz-1 root=UUID=" FS_UUID " ro\n"
		  "\tlinux /vmlinuz-1 root=/dev/mapper/cryptroot ro\n",
		  true },
		{ "\tlinux /vmlinuz-1 root=UUID=" FS_UUID " ro\n"
		  "\tlinux /vmlinuz-2 root=/dev/vda1 ro\n",
		  false },
		{ "\tlinux /vmlinuz-1 root=/dev/mapper/other ro\n", false },
		{ "\tlinux /vmlinuz-1 root=UUID=99999999-2222-4333-8444-555555555555\n", false },
		{ "# no entry\n", false },
		{ "", false },
		{ NULL, false },
	};
	static const struct intent intent = { .fs_uuid = FS_UUID };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *config = NULL;
		int r;

		fake_file_put(GRUB_CFG, OLD, strlen(OLD));
		made = rows[i].made;
		r = grub_update(&intent);
		assert_int_equal(r == 0, rows[i].is_taken);
		assert_ok(file_read(GRUB_CFG, MIB, &config, NULL));
		assert_string_equal(config, rows[i].is_taken ? made : OLD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_finds_the_root),
	};

	fake_files = &files;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
