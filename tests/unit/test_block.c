/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probing files as if they were devices: what Debian's mke2fs writes must be recognised.
 * UNIT_SOURCES: bootstrap/block.c
 */
#include "bootstrap/block.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/wait.h>

#define IMAGE_BYTES (8 * MIB)
#define UUID "0f3c2f06-7d3a-4f0e-9a53-0a9d6a3cf101"

static char folder[] = "/tmp/test_block.XXXXXX";
static char image[64];

/* A new, empty file. */
static int make_image(void **state UNUSED)
{
	int fd;

	snprintf(image, sizeof(image), "%s/image", folder);
	fd = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)IMAGE_BYTES) < 0)
		return -1;
	return close(fd);
}

static void format_ext4(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		execlp("mke2fs", "mke2fs", "-q", "-F", "-t", "ext4", "-U", UUID, "-L", "some label",
		       image, (char *)NULL);
		_exit(127);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void write_at(const void *data, size_t len, uint64_t offset_bytes)
{
	CLEANUP_CLOSE int fd = open(image, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(file_pwrite_all(fd, data, len, offset_bytes));
}

static void recognises_ext4(void **state UNUSED)
{
	struct block_content content;

	format_ext4();
	assert_ok(block_probe(image, &content));
	assert_string_equal(content.type, "ext4");
	assert_string_equal(content.uuid, UUID);
	assert_string_equal(content.label, "some label");
}

static void recognises_nothing(void **state UNUSED)
{
	struct block_content content;

	assert_ok(block_probe(image, &content));
	assert_string_equal(content.type, "");
	assert_string_equal(content.uuid, "");
}

/* Two things at once is no thing: whoever guessed would be wrong. */
static void recognises_no_ambiguity(void **state UNUSED)
{
	struct block_content content;

	format_ext4();
	write_at("SWAPSPACE2", 10, 4086);
	write_at("\x01\0\0\0\xff\x07\0\0", 8, 1024); /* swap's version and last page */
	assert_ok(block_probe(image, &content));
	assert_string_equal(content.type, "");
}

/* The first 16 KiB zeroed (what `place` does first) must leave nothing that a boot recognises. */
static void recognises_nothing_after_zeroing(void **state UNUSED)
{
	static const uint8_t zeroes[16 * KIB];
	struct block_content content;

	format_ext4();
	write_at(zeroes, sizeof(zeroes), 0);
	assert_ok(block_probe(image, &content));
	assert_string_equal(content.type, "");
}

static void tells_sizes(void **state UNUSED)
{
	uint64_t size_bytes = 0;

	assert_ok(block_size(image, &size_bytes));
	assert_int_equal(size_bytes, IMAGE_BYTES);
	assert_true(block_size(folder, &size_bytes) < 0);
	assert_said("neither a block device nor a file");
	assert_true(block_size("/nonexistent", &size_bytes) < 0);
}

static void a_file_is_no_partition(void **state UNUSED)
{
	char disk[64], partuuid[37];
	unsigned number;

	assert_true(block_parent(image, disk, sizeof(disk), &number) < 0);
	assert_true(block_partuuid(image, partuuid) < 0);
}

static void finds_nothing_that_isnt_there(void **state UNUSED)
{
	char device[64];

	assert_int_equal(block_find("UUID", UUID, device, sizeof(device)), -ENODEV);
	assert_int_equal(block_find("UUID", "", device, sizeof(device)), -ENODEV);
	assert_string_equal(fail_text(), "");
	assert_int_equal(block_wait("PARTUUID", UUID, 0, device, sizeof(device)), -ENODEV);
	assert_said("PARTUUID=" UUID);
}

static void flushes(void **state UNUSED)
{
	assert_ok(block_flush(image));
	assert_true(block_flush("/nonexistent") < 0);
}

static int make_folder(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state UNUSED)
{
	unlink(image);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(recognises_ext4, make_image),
		cmocka_unit_test_setup(recognises_nothing, make_image),
		cmocka_unit_test_setup(recognises_no_ambiguity, make_image),
		cmocka_unit_test_setup(recognises_nothing_after_zeroing, make_image),
		cmocka_unit_test_setup(tells_sizes, make_image),
		cmocka_unit_test_setup(a_file_is_no_partition, make_image),
		cmocka_unit_test_setup(finds_nothing_that_isnt_there, make_image),
		cmocka_unit_test_setup(flushes, make_image),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
