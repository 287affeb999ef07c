/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real programs on a file that they may not change: what they wrote is in the view, and programs
 * that follow read it. UNIT_SOURCES: bootstrap/view*.c bootstrap/spawn*.c
 */
#include "bootstrap/view.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#define IMAGE "test-view.tmp"
#define BYTES (64 * KIB)

static uint8_t content[BYTES];

static void make_image(void)
{
	for (size_t i = 0; i < BYTES; i++)
		content[i] = (uint8_t)(i % 251);
	assert_ok(file_replace(IMAGE, content, BYTES, 0600));
}

static void assert_untouched(void)
{
	CLEANUP_FREE char *data = NULL;
	size_t len = 0;

	assert_ok(file_read(IMAGE, 2 * BYTES, &data, &len));
	assert_int_equal(len, BYTES);
	assert_int_equal(memcmp(data, content, BYTES), 0);
}

static int sh(struct view *view, const char *script)
{
	struct spawn shell = { .argv = { "python3", "-c", script }, .watch = view_watch(view) };

	return spawn_run(&shell);
}

#define OPEN "import os; f=os.open('" IMAGE "', os.O_RDWR)\n"

static void keeps_what_is_written(void **state)
{
	CLEANUP(view_closep) struct view *view = NULL;
	uint64_t offset = 0;
	const uint8_t *block;

	(void)state;
	make_image();
	assert_ok(view_open(IMAGE, 8, &view));
	/* pwrite across two blocks, then write at a position, through dup */
	assert_ok(sh(view, OPEN "assert os.pwrite(f, b'A'*100, 4096*3-50) == 100\n"
				"g=os.dup(f); os.lseek(g, 10, 0); assert os.write(f, b'BB') == 2\n"
				"assert os.read(g, 4) == bytes([12,13,14,15])\n"
				"assert os.pread(f, 4, 9) == b'\\x09BB\\x0c'\n"
				"os.fsync(f); os.ftruncate(f, 5)\n"
				"assert os.fstat(f).st_size == 65536\n"
				"assert len(os.pread(f, 99999, 65000)) == 536"));
	assert_untouched();
	assert_int_equal(view_count(view), 3);
	block = view_block(view, 0, &offset);
	assert_int_equal(offset, 0);
	assert_int_equal(memcmp(block + 10, "BB", 2), 0);
	assert_int_equal(block[9], 9);
	block = view_block(view, 2, &offset);
	assert_int_equal(offset, 4096 * 3);
	assert_int_equal(block[49], 'A');
	assert_int_equal(block[50], content[4096 * 3 + 50]);
	/* the next program sees it, however it names the file */
	assert_ok(sh(view, "import os; d=os.open('.', os.O_RDONLY)\n"
			   "f=os.open('" IMAGE "', os.O_RDONLY, dir_fd=d)\n"
			   "assert os.pread(f, 100, 4096*3-50) == b'A'*100"));
	assert_ok(view_status(view));
}

/* Ways to write that nobody answers fail, and change nothing. */
static void nothing_gets_through(void **state)
{
	static const char *const tries[] = {
		"os.pwritev(f, [b'x'], 0)",
		"os.writev(f, [b'x'])",
		"__import__('mmap').mmap(f, 4096)[0:1] = b'x'",
		"os.posix_fallocate(f, 70000, 4096)",
		"os.preadv(f, [bytearray(4)], 0)",
		"g=os.open('" IMAGE "', os.O_RDONLY); os.sendfile(f, g, 0, 10)",
		"os.copy_file_range(f, f, 10, 0, 40000)",
		"os.truncate('/proc/self/fd/%d' % f, 3)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		CLEANUP(view_closep) struct view *view = NULL;
		char script[400];

		make_image();
		assert_ok(view_open(IMAGE, 8, &view));
		snprintf(script, sizeof(script), OPEN "%s", tries[i]);
		if (sh(view, script) == 0)
			fail_msg("%s was possible", tries[i]);
		assert_untouched();
		assert_int_equal(view_count(view), 0);
	}
}

static void holds_no_more_than_it_may(void **state)
{
	CLEANUP(view_closep) struct view *view = NULL;

	(void)state;
	make_image();
	assert_ok(view_open(IMAGE, 2, &view));
	assert_ok(sh(view, OPEN "os.pwrite(f, b'x'*8192, 4096)"));
	assert_ok(view_status(view));
	assert_true(sh(view, OPEN "os.pwrite(f, b'x', 0)") < 0);
	assert_true(view_status(view) < 0);
	assert_said("more would change");
	assert_untouched();
}

static void not_behind_the_end(void **state)
{
	CLEANUP(view_closep) struct view *view = NULL;

	(void)state;
	make_image();
	assert_ok(view_open(IMAGE, 8, &view));
	assert_true(sh(view, OPEN "os.pwrite(f, b'x', 65536)") < 0);
	assert_true(view_status(view) < 0);
	assert_untouched();
}

static void other_files_are_left_alone(void **state)
{
	CLEANUP(view_closep) struct view *view = NULL;

	(void)state;
	make_image();
	assert_ok(view_open(IMAGE, 8, &view));
	assert_ok(sh(view, "open('test-view.other', 'w').write('x'*100000)\n"
			   "assert len(open('test-view.other').read()) == 100000\n"
			   "import os; os.remove('test-view.other')"));
	assert_int_equal(view_count(view), 0);
	assert_true(view_open("/nonexistent", 8, &(struct view *){ NULL }) < 0);
}

static int clean_up(void **state)
{
	(void)state;
	return unlink(IMAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_written),
		cmocka_unit_test(nothing_gets_through),
		cmocka_unit_test(holds_no_more_than_it_may),
		cmocka_unit_test(not_behind_the_end),
		cmocka_unit_test(other_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
