/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When growth services are held back, by what fstab says.
 * UNIT_SOURCES: bootstrap/growth.c bootstrap/tabs.c
 */
#include "bootstrap/growth.h"

#include "bootstrap/etc_files.h"
#include "bootstrap/our_files.h"
#include "common/err.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *fstab;

int etc_read(const char *path, char **ret)
{
	assert_string_equal(path, "/etc/fstab");
	if (!fstab)
		return fail(-EIO, "it can't be read");
	*ret = strdup(fstab);
	return 0;
}

int etc_fstab_change(const struct fstab_change *change UNUSED)
{
	return 0;
}

int our_files_install(enum our_file_life life UNUSED)
{
	return 0;
}

int our_files_remove(enum our_file_life life UNUSED)
{
	return 0;
}

int intent_write(const char *dir UNUSED, const struct intent *intent UNUSED)
{
	return 0;
}

static void held_as_fstab_says(void **state)
{
	static const struct {
		const char *kept, *fstab;
		bool is_held;
	} rows[] = {
		{ "rw,x-systemd.growfs", "UUID=1 / ext4 rw 0 1\n", true },
		{ "rw,x-systemd.growfs", "UUID=1 / ext4 rw,x-systemd.growfs 0 1\n", false },
		{ "rw,x-systemd.growfs", "UUID=1 /home ext4 rw 0 1\n", false },
		{ "rw,x-systemd.growfs", NULL, false },
		{ "rw", "UUID=1 / ext4 rw 0 1\n", false },
		{ "", "UUID=1 / ext4 rw 0 1\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct job job = { 0 };

		snprintf(job.intent.root_mount_options, sizeof(job.intent.root_mount_options), "%s",
			 rows[i].kept);
		fstab = rows[i].fstab;
		assert_int_equal(growth_is_held(&job), rows[i].is_held);
		assert_string_equal(fail_text(), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(held_as_fstab_says) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
