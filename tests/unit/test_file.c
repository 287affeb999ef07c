/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole files, in a folder of their own: caps, replacement, copies, folders, lines.
 */
#include "common/file.h"

#include "common/cleanup.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static char folder[] = "/tmp/test_file.XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static size_t count_names(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

static void replaces_and_reads(void **state)
{
	CLEANUP_FREE char *text = NULL;
	const char *path = in_folder("a");
	struct stat st;
	size_t len, before = count_names();

	(void)state;
	assert_ok(file_replace_text(path, "one", 0600));
	assert_ok(file_replace(path, "t\0o", 3, 0640));
	assert_ok(file_read(path, 3, &text, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(text, "t\0o", 4); /* with the zero behind it */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_names(), before + 1); /* no temporary file stays */
	assert_ok(file_remove(path));
}

static void leaves_the_old_file_on_failure(void **state)
{
	const char *path = in_folder("dir");
	size_t before;

	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	before = count_names();
	assert_int_equal(file_replace_text(path, "text", 0600), -EISDIR);
	assert_int_equal(count_names(), before);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(file_replace_text(in_folder("no/such"), "text", 0600), -ENOENT);
}

static void caps_what_it_reads(void **state)
{
	char *text = NULL;
	const char *path = in_folder("big");

	(void)state;
	assert_ok(file_replace_text(path, "12345", 0600));
	assert_int_equal(file_read(path, 4, &text, NULL), -E2BIG);
	assert_null(text);
	assert_ok(file_remove(path));
	fail(-EIO, "stale");
	assert_int_equal(file_read(path, 4, &text, NULL), -ENOENT);
	assert_string_equal(fail_text(), "");
	assert_int_equal(file_read(folder, 4, &text, NULL), -EISDIR);
	assert_ok(file_read("/proc/self/stat", 8192, &text, NULL)); /* says size 0 */
	assert_true(strlen(text) > 10);
	free(text);
}

static void copies(void **state)
{
	CLEANUP_FREE char *text = NULL;
	char from[256];
	struct stat st;

	(void)state;
	snprintf(from, sizeof(from), "%s", in_folder("from"));
	assert_ok(file_replace_text(from, "content", 0751));
	assert_ok(file_copy(from, in_folder("to")));
	assert_ok(file_read(in_folder("to"), 100, &text, NULL));
	assert_string_equal(text, "content");
	assert_int_equal(stat(in_folder("to"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(file_copy("/dev/null", in_folder("to")), -EINVAL);
	assert_ok(file_remove(from));
	assert_ok(file_remove(in_folder("to")));
	assert_ok(file_remove(in_folder("to"))); /* a missing file is fine */
	assert_int_equal(file_copy(from, in_folder("to")), -ENOENT);
}

static void makes_folders(void **state)
{
	(void)state;
	assert_ok(file_mkdirs(in_folder("x/y/z"), 0755));
	assert_ok(file_mkdirs(in_folder("x/y/z"), 0755));
	assert_true(file_exists(in_folder("x/y/z")));
	assert_ok(file_replace_text(in_folder("x/file"), "", 0600));
	assert_int_equal(file_mkdirs(in_folder("x/file"), 0755), -ENOTDIR);
	assert_int_equal(file_mkdirs(in_folder("x/file/y"), 0755), -ENOTDIR);
	assert_ok(file_remove(in_folder("x/file")));
	rmdir(in_folder("x/y/z"));
	rmdir(in_folder("x/y"));
	rmdir(in_folder("x"));
}

static void reads_and_writes_at_offsets(void **state)
{
	CLEANUP_CLOSE int fd = open(in_folder("disk"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char back[4];

	(void)state;
	assert_true(fd >= 0);
	assert_ok(file_pwrite_all(fd, "abcd", 4, 5000));
	assert_ok(file_pread_all(fd, back, 4, 5000));
	assert_memory_equal(back, "abcd", 4);
	assert_int_equal(file_pread_all(fd, back, 4, 5001), -EIO);
	assert_said("5004");
	assert_int_equal(file_pwrite_all(-1, "a", 1, 0), -EBADF);
	assert_int_equal(file_write_all(-1, "a", 1), -EBADF);
	unlink(in_folder("disk"));
}

struct lines {
	char seen[128];
	int stop_after;
};

static int each(const char *line, void *userdata)
{
	struct lines *lines = userdata;

	snprintf(lines->seen + strlen(lines->seen), sizeof(lines->seen) - strlen(lines->seen),
		 "[%s]", line);
	return --lines->stop_after == 0 ? 7 : 0;
}

static void walks_lines(void **state)
{
	struct lines all = { "", 0 }, some = { "", 2 }, none = { "", 0 };
	char *big = calloc(1, 4097);

	(void)state;
	assert_ok(file_each_line("one\n\nthree", each, &all));
	assert_string_equal(all.seen, "[one][][three]");
	assert_int_equal(file_each_line("one\ntwo\nthree\n", each, &some), 7);
	assert_string_equal(some.seen, "[one][two]");
	assert_ok(file_each_line("", each, &none));
	assert_string_equal(none.seen, "");
	memset(big, 'x', 4096);
	assert_int_equal(file_each_line(big, each, &none), -E2BIG);
	free(big);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails if a test left something */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_and_reads),
		cmocka_unit_test(leaves_the_old_file_on_failure),
		cmocka_unit_test(caps_what_it_reads),
		cmocka_unit_test(copies),
		cmocka_unit_test(makes_folders),
		cmocka_unit_test(reads_and_writes_at_offsets),
		cmocka_unit_test(walks_lines),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
