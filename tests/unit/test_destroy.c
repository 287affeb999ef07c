/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The search for header copies finds what is there, also across the borders of its pieces, and
 * nothing else.
 * UNIT_SOURCES: bootstrap/destroy.c
 */
#include "bootstrap/destroy.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PATH "test-destroy.tmp"

static uint64_t hits_at(uint64_t offset)
{
	static const char needle[] = "c2FsdCBvZiBhIGtleXNsb3Q=";
	const char *needles[] = { needle, "never-there-at-all" };
	CLEANUP_CLOSE int fd = open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint64_t hits = 99;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 3 * (off_t)MIB), 0);
	if (offset)
		assert_int_equal(file_pwrite_all(fd, needle, strlen(needle), offset), 0);
	assert_int_equal(destroy_search(PATH, needles, 2, &hits), 0);
	return hits;
}

static void test_search(void **state)
{
	(void)state;
	assert_int_equal(hits_at(0), 0);
	assert_int_equal(hits_at(1), 1);
	for (uint64_t at = MIB - 30; at < MIB + 3; at++)
		assert_int_equal(hits_at(at), 1);
	assert_int_equal(hits_at(3 * MIB - 24), 1);
	unlink(PATH);
}

static void test_destroy_overwrites_first(void **state)
{
	CLEANUP_CLOSE int fd = -1;
	char data[5000];
	struct stat st;

	(void)state;
	memset(data, 'k', sizeof(data));
	assert_int_equal(file_replace(PATH, data, sizeof(data), 0600), 0);
	fd = open(PATH, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(destroy_file(PATH), 0);
	assert_int_equal(stat(PATH, &st), -1);
	/* the open descriptor still sees the blocks */
	assert_int_equal(file_pread_all(fd, data, sizeof(data), 0), 0);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(destroy_file(PATH), 0);
}

/* A power cut after the first zeros must not leave a file of zeros where one is looked for: here
 * the first write is the one that fails. The next call finishes it. */
static void test_never_zeros_under_its_name(void **state)
{
	const struct rlimit none = { 0, RLIM_INFINITY };
	struct rlimit before;
	struct stat st;
	int r;

	(void)state;
	assert_int_equal(file_replace(PATH, "intent", 6, 0600), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = destroy_file(PATH);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r < 0);
	assert_int_equal(stat(PATH, &st), -1);
	assert_int_equal(stat(PATH ".gone", &st), 0);
	assert_int_equal(destroy_file(PATH), 0);
	assert_int_equal(stat(PATH ".gone", &st), -1);
}

static void test_folder(void **state)
{
	(void)state;
	assert_int_equal(destroy_folder("test-destroy.d"), 0);
	assert_int_equal(file_mkdirs("test-destroy.d", 0700), 0);
	assert_int_equal(file_replace("test-destroy.d/intent.json", "a", 1, 0600), 0);
	assert_int_equal(file_replace("test-destroy.d/header.img.gone", "b", 1, 0600), 0);
	assert_int_equal(file_replace("test-destroy.d/.hidden", "c", 1, 0600), 0);
	assert_int_equal(file_mkdirs("test-destroy.d/images/mkinitramfs_1/bin", 0700), 0);
	assert_int_equal(file_replace("test-destroy.d/images/mkinitramfs_1/bin/sh", "d", 1, 0600),
			 0);
	assert_int_equal(destroy_folder("test-destroy.d"), 0);
	assert_false(file_exists("test-destroy.d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_destroy_overwrites_first),
		cmocka_unit_test(test_never_zeros_under_its_name),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
