/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GRUB's second core image: placed beside the first wherever that is, and a boot sector that
 * changes in nothing but code and the one number. On a file as disk: whatever part of the switch is
 * on it, one whole GRUB starts. UNIT_SOURCES: bootstrap/grub_core.c bootstrap/grub_switch.c
 * bootstrap/spawn*.c
 */
#include "bootstrap/grub_switch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bootstrap/grub_core.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "tests/unit/unit.h"

#define SECTOR GRUB_SECTOR_BYTES
#define PARTITION_FIRST 64
#define PARTITION_COUNT 600
#define DISK_SECTORS 1024
#define PIECE (SECTOR - 12)

static void make_boot(uint8_t *sector, uint8_t code, uint64_t first)
{
	memset(sector, code, SECTOR);
	sector[0] = 0xeb;
	sector[0x5a] = 0;
	sector[0x5b] = 0x80;
	memset(sector + 0x5c, 0, 8);
	sector[0x5c] = (uint8_t)first;
	sector[0x5d] = (uint8_t)(first >> 8);
	sector[0x64] = 0xff;
	sector[0x1fe] = 0x55;
	sector[0x1ff] = 0xaa;
}

/* As grub-mkimage leaves it: one piece, its place not yet true. */
static void make_core(uint8_t *core, uint8_t code, size_t sectors)
{
	memset(core, code, sectors * SECTOR);
	memset(core + PIECE - 12, 0, 24);
	core[PIECE] = 2;
	core[PIECE + 8] = (uint8_t)(sectors - 1);
	core[PIECE + 9] = (uint8_t)((sectors - 1) >> 8);
	core[PIECE + 10] = 0x20;
	core[PIECE + 11] = 0x08;
}

static void places_beside(void **state UNUSED)
{
	const struct grub_place partition = { 100, 50 };
	size_t fits = 0, refused = 0;

	for (uint64_t first = 50; first < 200; first++) {
		for (uint64_t count = 0; count < 60; count += 3) {
			for (uint64_t sectors = 2; sectors < 60; sectors += 5) {
				struct grub_place used = { first, count };
				uint64_t at = 0;

				if (grub_core_place(partition, used, sectors, &at) < 0) {
					refused++;
					continue;
				}
				fits++;
				assert_true(at >= 100 && at + sectors <= 150);
				assert_true(count == 0 || at >= first + count ||
					    at + sectors <= first);
			}
		}
	}
	assert_true(fits > 1000 && refused > 1000);
}

static void keeps_the_disks_own_data(void **state UNUSED)
{
	uint8_t present[SECTOR], boot_img[SECTOR], made[SECTOR];
	uint64_t first = 0;

	make_boot(present, 0x11, 64);
	make_boot(boot_img, 0x22, 1);
	grub_boot_sector_make(boot_img, present, 0x123456789a, made);
	assert_true(grub_boot_sector_read(made, &first));
	assert_int_equal(first, 0x123456789a);
	assert_memory_equal(made + 0x1b8, present + 0x1b8, 0x1fe - 0x1b8);
	assert_memory_equal(made + 0x3, present + 0x3, 0x5a - 0x3);
	assert_memory_equal(made + 0x68, boot_img + 0x68, 0x1b8 - 0x68);
	assert_int_equal(made[0x66], 0x90);
	assert_int_equal(made[0x67], 0x90);
}

static void knows_what_it_doesnt_know(void **state UNUSED)
{
	uint8_t sector[SECTOR] = { 0 }, core[4 * SECTOR];
	uint64_t value;

	assert_false(grub_boot_sector_read(sector, &value));
	make_boot(sector, 0x33, 64);
	assert_true(grub_boot_sector_read(sector, &value));
	sector[0x5b] = 0x70;
	assert_false(grub_boot_sector_read(sector, &value));
	make_core(core, 0x44, 4);
	assert_true(grub_core_length(core, &value));
	assert_int_equal(value, 4);
	assert_int_equal(grub_core_settle(core, sizeof(core), 7), 0);
	assert_int_equal(core[PIECE], 8);
	assert_int_equal(grub_core_settle(core, SECTOR, 7), -EINVAL);
	assert_int_equal(grub_core_settle(core, sizeof(core) - 1, 7), -EINVAL);
	core[PIECE - 12 + 8] = 1; /* a second piece */
	assert_false(grub_core_length(core, &value));
	assert_int_equal(grub_core_settle(core, sizeof(core), 7), -EINVAL);
}

/* --- on a disk -------------------------------------------------------------------------------- */

static char folder[40], disk[64], images[64];
static uint8_t before[DISK_SECTORS * SECTOR], after[sizeof(before)];

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_replace(path, data, len, 0600), 0);
}

static void read_disk(uint8_t *ret)
{
	int fd = open(disk, O_RDONLY);

	assert_int_equal(file_pread_all(fd, ret, sizeof(before), 0), 0);
	close(fd);
}

/* The code that would run: the first byte of the whole core that the boot sector leads to; 0 when
 * it is torn. */
static uint8_t starts(const uint8_t *content)
{
	uint64_t first, sectors = 0;
	const uint8_t *core;

	assert_true(grub_boot_sector_read(content, &first));
	core = content + first * SECTOR;
	if (!grub_core_length(core, &sectors))
		return 0;
	for (uint64_t i = SECTOR; i < (sectors - 1) * SECTOR; i++) {
		if (core[i] != core[0])
			return 0;
	}
	return core[0];
}

static int setup(void **state UNUSED)
{
	uint8_t boot_img[SECTOR], core[200 * SECTOR];

	strcpy(folder, "/tmp/panocrypt-grub.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(disk, sizeof(disk), "%s/disk", folder);
	snprintf(images, sizeof(images), "%s/images", folder);
	assert_int_equal(mkdir(images, 0700), 0);
	memset(before, 0x77, sizeof(before));
	make_boot(before, 0x11, PARTITION_FIRST);
	make_core(before + PARTITION_FIRST * SECTOR, 0xaa, 180);
	write_file(folder, "disk", before, sizeof(before));
	make_boot(boot_img, 0x22, 1);
	write_file(images, "boot.img", boot_img, sizeof(boot_img));
	make_core(core, 0xbb, 200);
	write_file(images, "core.img", core, sizeof(core) - 100);
	return 0;
}

static int teardown(void **state UNUSED)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int switch_it(void)
{
	return grub_switch_bios(disk, PARTITION_FIRST * SECTOR, PARTITION_COUNT * SECTOR, images);
}

static void any_part_of_it_starts(void **state UNUSED)
{
	static uint8_t mixed[sizeof(before)];
	size_t changed = 0;

	assert_int_equal(switch_it(), 0);
	read_disk(after);
	assert_int_equal(starts(before), 0xaa);
	assert_int_equal(starts(after) ? 0xbb : 0, 0xbb);
	/* Each sector of the core image there or not, the boot sector old: the flush is between. */
	for (unsigned seed = 0; seed < 300; seed++) {
		srand(seed);
		memcpy(mixed, before, sizeof(mixed));
		for (size_t i = 1; i < DISK_SECTORS; i++) {
			if (rand() % 3 < (int)(seed % 3))
				memcpy(mixed + i * SECTOR, after + i * SECTOR, SECTOR);
		}
		assert_int_equal(starts(mixed), 0xaa);
	}
	for (size_t i = 1; i < DISK_SECTORS; i++) {
		if (memcmp(before + i * SECTOR, after + i * SECTOR, SECTOR) == 0)
			continue;
		changed++;
		assert_true(i >= PARTITION_FIRST + 180 && i < PARTITION_FIRST + PARTITION_COUNT);
	}
	assert_int_equal(changed, 200);
}

static void there_and_back(void **state UNUSED)
{
	uint64_t first = 0, second = 0, third = 0;

	assert_int_equal(switch_it(), 0);
	read_disk(after);
	assert_true(grub_boot_sector_read(after, &first));
	assert_int_equal(switch_it(), 0);
	read_disk(after);
	assert_true(grub_boot_sector_read(after, &second));
	assert_int_equal(switch_it(), 0);
	read_disk(after);
	assert_true(grub_boot_sector_read(after, &third));
	assert_int_not_equal(first, second);
	assert_int_equal(first, third);
	assert_true(starts(after));
}

static void too_small_changes_nothing(void **state UNUSED)
{
	assert_int_equal(grub_switch_bios(disk, PARTITION_FIRST * SECTOR, 300 * SECTOR, images),
			 -ENOSPC);
	assert_non_null(strstr(fail_text(), "BIOS boot partition"));
	read_disk(after);
	assert_memory_equal(before, after, sizeof(before));
}

static void takes_what_differs(void **state UNUSED)
{
	char staged[64], esp[64], path[128];
	struct stat was, is;

	snprintf(staged, sizeof(staged), "%s/esp/panocrypt-new", folder);
	snprintf(esp, sizeof(esp), "%s/esp", folder);
	snprintf(path, sizeof(path), "%s/EFI/debian", staged);
	assert_int_equal(file_mkdirs(path, 0700), 0);
	write_file(path, "shimx64.efi", "same", 4);
	write_file(path, "grub.cfg", "new", 3);
	snprintf(path, sizeof(path), "%s/EFI/debian", esp);
	assert_int_equal(file_mkdirs(path, 0700), 0);
	write_file(path, "shimx64.efi", "same", 4);
	write_file(path, "grub.cfg", "old", 3);
	write_file(path, "other", "kept", 4);
	snprintf(path, sizeof(path), "%s/EFI/debian/shimx64.efi", esp);
	assert_int_equal(stat(path, &was), 0);
	assert_int_equal(grub_switch_efi(staged, esp), 0);
	assert_int_equal(stat(path, &is), 0);
	assert_int_equal(was.st_ino, is.st_ino);
	snprintf(path, sizeof(path), "%s/EFI/debian/grub.cfg", esp);
	CLEANUP_FREE char *text = NULL;
	assert_int_equal(file_read(path, 100, &text, NULL), 0);
	assert_string_equal(text, "new");
	snprintf(path, sizeof(path), "%s/EFI/debian/other", esp);
	assert_true(file_exists(path));
	assert_false(file_exists(staged));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_beside),
		cmocka_unit_test(keeps_the_disks_own_data),
		cmocka_unit_test(knows_what_it_doesnt_know),
		cmocka_unit_test_setup_teardown(any_part_of_it_starts, setup, teardown),
		cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(too_small_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_what_differs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
