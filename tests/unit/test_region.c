/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ranges of a file as of a device: what is compared, copied and zeroed, and that nothing beside it
 * is touched. Sizes straddle the internal buffer of 1 MiB.
 * UNIT_SOURCES: bootstrap/region.c
 */
#include "bootstrap/region.h"
#include "common/cleanup.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#include <fcntl.h>

#define PATH "test-region.tmp"
#define FILE_BYTES (4 * MIB)

static uint8_t *content;

static int filled(void)
{
	int fd = -1;

	for (size_t i = 0; i < FILE_BYTES; i++)
		content[i] = (uint8_t)(1 + i % 251);
	assert_ok(file_replace(PATH, content, FILE_BYTES, 0600));
	assert_ok(region_open(PATH, O_RDWR, &fd));
	return fd;
}

/* The file is as content says, read without any of our code's cleverness. */
static void assert_content(void)
{
	CLEANUP_FREE char *data = NULL;
	size_t len = 0;

	assert_ok(file_read(PATH, 2 * FILE_BYTES, &data, &len));
	assert_int_equal(len, FILE_BYTES);
	assert_int_equal(memcmp(data, content, len), 0);
}

static void sizes(void **state)
{
	CLEANUP_CLOSE int fd = filled();
	uint64_t bytes = 0;

	(void)state;
	assert_ok(region_size(fd, &bytes));
	assert_int_equal(bytes, FILE_BYTES);
}

static void zeroes_its_range_only(void **state)
{
	CLEANUP_CLOSE int fd = filled();
	bool is_zero = false;

	(void)state;
	assert_ok(region_zero(fd, 4096, MIB + 8192));
	assert_ok(region_flush(fd));
	memset(content + 4096, 0, MIB + 8192);
	assert_content();
	assert_ok(region_is_zero(fd, 4096, MIB + 8192, &is_zero));
	assert_true(is_zero);
	assert_ok(region_is_zero(fd, 4096, MIB + 8192 + 4096, &is_zero));
	assert_false(is_zero);
	assert_ok(region_zero_out(fd, 3 * MIB, MIB));
	memset(content + 3 * MIB, 0, MIB);
	assert_ok(region_flush(fd));
	assert_content();
}

static void copies_its_range_only(void **state)
{
	CLEANUP_CLOSE int fd = filled();
	bool is_equal = false;

	(void)state;
	assert_ok(region_equal(fd, 0, fd, 2 * MIB, MIB + 4096, &is_equal));
	assert_false(is_equal);
	assert_ok(region_copy(fd, 0, fd, 2 * MIB, MIB + 4096));
	assert_ok(region_flush(fd));
	memcpy(content + 2 * MIB, content, MIB + 4096);
	assert_content();
	assert_ok(region_equal(fd, 0, fd, 2 * MIB, MIB + 4096, &is_equal));
	assert_true(is_equal);
	assert_ok(region_equal(fd, 0, fd, 2 * MIB, MIB + 8192, &is_equal));
	assert_false(is_equal);
}

static void sees_a_single_byte(void **state)
{
	CLEANUP_CLOSE int fd = filled();
	CLEANUP_CLOSE int other = -1;
	bool is_equal = true;

	(void)state;
	assert_ok(region_copy(fd, 0, fd, 2 * MIB, 2 * MIB));
	other = open(PATH, O_WRONLY);
	assert_int_equal(pwrite(other, "x", 1, 4 * MIB - 1), 1);
	assert_ok(region_equal(fd, 0, fd, 2 * MIB, 2 * MIB, &is_equal));
	assert_false(is_equal);
}

static void the_end_is_an_error(void **state)
{
	CLEANUP_CLOSE int fd = filled();
	bool is_zero;

	(void)state;
	assert_true(region_is_zero(fd, FILE_BYTES - 4096, 8192, &is_zero) < 0);
	assert_true(region_open("/nowhere/at/all", O_RDONLY, &fd) < 0);
	assert_said("/nowhere/at/all");
}

static int allocate(void **state)
{
	(void)state;
	content = malloc(FILE_BYTES);
	return content ? 0 : -1;
}

static int release(void **state)
{
	(void)state;
	free(content);
	return unlink(PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(zeroes_its_range_only),
		cmocka_unit_test(copies_its_range_only),
		cmocka_unit_test(sees_a_single_byte),
		cmocka_unit_test(the_end_is_an_error),
	};

	return cmocka_run_group_tests(tests, allocate, release);
}
