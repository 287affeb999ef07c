/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partition table on image files: carve, the way back, and what sfdisk says about both copies
 * of the GPT; a cut after each write of it. UNIT_SOURCES: bootstrap/table.c bootstrap/table_copy.c
 * bootstrap/spawn*.c
 */
#include "bootstrap/spawn.h"
#include "bootstrap/table_copy.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DISK_BYTES (4 * GIB)
#define BOOT_BYTES (768 * MIB)
#define PARTUUID "7d0fb8a5-1c6c-4cbf-8f6a-3a2f6d4c9e10"

/* The layout of a cloud image: BIOS boot, ESP, root to the end. */
static const char layout[] =
	"label: gpt\nlabel-id: 11111111-2222-3333-4444-555555555555\n"
	"14: start=2048, size=6144, type=21686148-6449-6E6F-744E-656564454649\n"
	"15: start=8192, size=253952, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"
	"1: start=262144, size=8126431, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, "
	"uuid=AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE, name=\"root\"\n";

static char disk[] = "/tmp/panocrypt-table-XXXXXX";

static int make_disk(void **state)
{
	struct spawn sfdisk = { .argv = { "sfdisk", "-q", disk }, .input_text = layout };
	int fd;

	(void)state;
	memcpy(disk + strlen(disk) - 6, "XXXXXX", 6);
	fd = mkstemp(disk);
	if (fd < 0 || ftruncate(fd, (off_t)DISK_BYTES) < 0)
		return -1;
	close(fd);
	if (spawn_run(&sfdisk) == 0)
		return 0;
	print_error("%s\n", fail_text());
	return -1;
}

static int remove_disk(void **state)
{
	(void)state;
	return unlink(disk);
}

static const struct table_partition *by_number(const struct table *table, unsigned number)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->partitions[i].number == number)
			return &table->partitions[i];
	}
	return NULL;
}

static void assert_both_copies_valid(void)
{
	struct spawn verify = { .argv = { "sgdisk", "-v", disk } };
	CLEANUP_FREE char *text = NULL;

	assert_int_equal(spawn_text(&verify, &text), 0);
	assert_non_null(strstr(text, "No problems found"));
}

static void test_read(void **state)
{
	struct table table;
	const struct table_partition *root;

	(void)state;
	assert_int_equal(table_read(disk, &table), 0);
	assert_string_equal(table.type, "gpt");
	assert_string_equal(table.disk_id, "11111111-2222-3333-4444-555555555555");
	assert_int_equal(table.count, 3);
	assert_int_equal(table.sector_bytes, 512);
	root = by_number(&table, 1);
	assert_non_null(root);
	assert_int_equal(root->start_bytes, 128 * MIB);
	assert_int_equal(root->start_bytes + root->size_bytes, table.last_bytes);
	assert_string_equal(root->partuuid, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	assert_string_equal(root->name, "root");
	assert_string_equal(by_number(&table, 15)->type, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
}

static void test_carve_and_back(void **state)
{
	struct table before, after;
	const struct table_partition *root, *boot;
	uint64_t new_size = DISK_BYTES - 128 * MIB - BOOT_BYTES - MIB;
	unsigned number = 0;

	(void)state;
	assert_int_equal(table_read(disk, &before), 0);
	assert_int_equal(table_carve(disk, 1, new_size, BOOT_BYTES, PARTUUID, &number), 0);
	assert_int_equal(number, 2);
	assert_both_copies_valid();
	assert_int_equal(table_read(disk, &after), 0);
	assert_int_equal(after.count, 4);
	root = by_number(&after, 1);
	boot = by_number(&after, 2);
	assert_int_equal(root->start_bytes, 128 * MIB);
	assert_int_equal(root->size_bytes, new_size);
	assert_string_equal(root->partuuid, by_number(&before, 1)->partuuid);
	assert_string_equal(root->name, "root");
	assert_string_equal(boot->partuuid, PARTUUID);
	assert_int_equal(boot->start_bytes, root->start_bytes + new_size);
	assert_int_equal(boot->size_bytes, BOOT_BYTES);

	assert_int_equal(table_uncarve(disk, 1, PARTUUID), 0);
	assert_both_copies_valid();
	assert_int_equal(table_read(disk, &after), 0);
	assert_int_equal(after.count, before.count);
	assert_memory_equal(by_number(&after, 1), by_number(&before, 1), sizeof(*root));
	assert_int_equal(table_uncarve(disk, 1, PARTUUID), 0); /* restartable */
}

static void test_no_room(void **state)
{
	struct table before, after;
	unsigned number = 0;

	(void)state;
	assert_int_equal(table_read(disk, &before), 0);
	assert_true(table_carve(disk, 1, 3 * GIB, GIB, PARTUUID, &number) < 0);
	assert_true(table_carve(disk, 7, GIB, GIB, PARTUUID, &number) < 0);
	assert_true(table_carve("/dev/null", 1, GIB, GIB, PARTUUID, &number) < 0);
	assert_int_equal(table_read(disk, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_node(void **state)
{
	char node[32];

	(void)state;
	assert_int_equal(table_node("/dev/vda", 1, node, sizeof(node)), 0);
	assert_string_equal(node, "/dev/vda1");
	assert_int_equal(table_node("/dev/nvme0n1", 15, node, sizeof(node)), 0);
	assert_string_equal(node, "/dev/nvme0n1p15");
	assert_true(table_node("/dev/nvme0n1", 15, node, 8) < 0);
}

/* --- a table that was cut --------------------------------------------------------------------- */

#define ENTRIES_BYTES (16 * KIB)
#define ALTERNATE_HEADER (DISK_BYTES - 512)
#define ALTERNATE_ENTRIES (DISK_BYTES - 512 - ENTRIES_BYTES)

/* In the order of libfdisk's writes. */
static const struct {
	uint64_t offset, len;
} parts[] = {
	{ ALTERNATE_ENTRIES, ENTRIES_BYTES },
	{ ALTERNATE_HEADER, 512 },
	{ 1024, ENTRIES_BYTES },
	{ 512, 512 },
	{ 0, 512 },
};

static uint8_t old[ARRAY_SIZE(parts)][ENTRIES_BYTES], new[ARRAY_SIZE(parts)][ENTRIES_BYTES];

static void transfer(uint8_t to[ARRAY_SIZE(parts)][ENTRIES_BYTES])
{
	int fd = open(disk, O_RDONLY);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		assert_int_equal(pread(fd, to[i], parts[i].len, (off_t)parts[i].offset),
				 parts[i].len);
	close(fd);
}

/* The first `written` parts are new, of the next one its first sectors. */
static void make_cut(size_t written, size_t sectors)
{
	int fd = open(disk, O_RDWR);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint8_t data[ENTRIES_BYTES];
		size_t n = i < written ? parts[i].len : i == written ? sectors * 512 : 0;

		memcpy(data, old[i], parts[i].len);
		memcpy(data, new[i], MIN(n, parts[i].len));
		assert_int_equal(pwrite(fd, data, parts[i].len, (off_t)parts[i].offset),
				 parts[i].len);
	}
	close(fd);
}

static void test_every_cut(void **state)
{
	static struct table known[2], now;
	unsigned number = 0, torn_states = 0;

	(void)state;
	transfer(old);
	assert_int_equal(table_read(disk, &known[0]), 0);
	assert_int_equal(table_copy_write("test-table.tmp", &known[0]), 0);
	assert_int_equal(table_carve(disk, 1, 3 * GIB, BOOT_BYTES, PARTUUID, &number), 0);
	transfer(new);
	assert_int_equal(table_copy_read("test-table.tmp", &known[0]), 0);
	assert_int_equal(unlink("test-table.tmp"), 0);
	assert_int_equal(table_carved(&known[0], "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", 3 * GIB,
				      BOOT_BYTES, PARTUUID, &known[1]),
			 0);
	assert_int_equal(table_read(disk, &now), 0);
	assert_true(table_is_same(&now, &known[1]));
	assert_false(table_is_same(&now, &known[0]));
	for (size_t written = 0; written < ARRAY_SIZE(parts); written++) {
		for (size_t sectors = 0; sectors <= parts[written].len / 512; sectors++) {
			bool was_torn = false, is_torn = false;

			make_cut(written, sectors);
			assert_int_equal(table_is_torn(disk, &was_torn), 0);
			torn_states += was_torn;
			assert_int_equal(table_mend(disk, known, 2, table_is_same), 0);
			assert_int_equal(table_read(disk, &now), 0);
			assert_true(table_is_same(&now, &known[0]) ||
				    table_is_same(&now, &known[1]));
			assert_int_equal(table_is_torn(disk, &is_torn), 0);
			assert_false(is_torn);
			if (was_torn) /* else they may differ: `carve` writes both again */
				assert_both_copies_valid();
		}
	}
	assert_true(torn_states >= 2); /* sectors with changes: entries and header */
	print_message("%u torn states\n", torn_states);
}

/* Neither the old nor the carved table: not ours to write. */
static void test_unknown_is_left(void **state)
{
	static struct table known;
	static const uint8_t zeros[512];
	int fd = open(disk, O_RDWR);
	bool is_torn = false;

	(void)state;
	assert_int_equal(table_read(disk, &known), 0);
	known.partitions[0].size_bytes += MIB;
	assert_int_equal(pwrite(fd, zeros, 512, 512), 512);
	close(fd);
	assert_int_equal(table_is_torn(disk, &is_torn), 0);
	assert_true(is_torn);
	assert_true(table_mend(disk, &known, 1, table_is_same) < 0);
	assert_non_null(strstr(fail_text(), "left as it is"));
	assert_int_equal(table_is_torn(disk, &is_torn), 0);
	assert_true(is_torn);
	assert_true(table_carved(&known, PARTUUID, GIB, GIB, PARTUUID, &known) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, make_disk, remove_disk),
		cmocka_unit_test_setup_teardown(test_carve_and_back, make_disk, remove_disk),
		cmocka_unit_test_setup_teardown(test_no_room, make_disk, remove_disk),
		cmocka_unit_test_setup_teardown(test_every_cut, make_disk, remove_disk),
		cmocka_unit_test_setup_teardown(test_unknown_is_left, make_disk, remove_disk),
		cmocka_unit_test(test_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
