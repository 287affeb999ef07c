/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets: locked, left out of cores and children, read with a cap, wiped. What the kernel knows of
 * the memory is read from /proc/self/smaps.
 */
#include "common/secret.h"

#include "common/file.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The VmFlags line of the mapping that starts at address. */
static void flags_of(const void *address, char *ret, size_t size)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/smaps", "re");
	char line[512], start[32];
	bool is_ours = false;

	assert_non_null(file);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)address);
	*ret = '\0';
	while (fgets(line, sizeof(line), file) && !*ret) {
		if (strncmp(line, start, strlen(start)) == 0)
			is_ours = true;
		if (is_ours && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret, size, "%s", line);
	}
}

static void is_locked_and_not_dumped(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	char flags[512];

	(void)state;
	assert_ok(secret_alloc(&secret, 32));
	assert_int_equal(secret.len, 32);
	assert_int_equal(secret.data[32], 0);
	flags_of(secret.data, flags, sizeof(flags));
/* AddressSanitizer's mlock() does nothing. */
#ifndef __SANITIZE_ADDRESS__
	assert_non_null(strstr(flags, " lo")); /* locked */
#endif
	assert_non_null(strstr(flags, " dd")); /* not dumped */
	assert_non_null(strstr(flags, " wf")); /* wiped on fork */
}

static void is_empty_in_a_child(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int status;
	pid_t pid;

	(void)state;
	assert_ok(secret_copy(&secret, "top", 3));
	pid = fork();
	if (pid == 0)
		_exit(secret.data[0] == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal((char *)secret.data, "top");
}

static void has_bounds(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_int_equal(secret_alloc(&secret, 0), -EINVAL);
	assert_int_equal(secret_alloc(&secret, MIB + 1), -EINVAL);
	assert_null(secret.data);
	assert_ok(secret_alloc(&secret, 4096)); /* a whole page, and the zero behind it */
	assert_int_equal(secret.data[4096], 0);
	secret_done(&secret);
	assert_null(secret.data);
	secret_done(&secret);
}

static void is_random(void **state)
{
	CLEANUP_SECRET struct secret a = SECRET_EMPTY, b = SECRET_EMPTY;

	(void)state;
	assert_ok(secret_random(&a, 32));
	assert_ok(secret_random(&b, 32));
	assert_false(secret_equal(&a, &b));
	assert_true(secret_equal(&a, &a));
	b.len = 31;
	assert_false(secret_equal(&a, &b));
}

static int read_text(struct secret *ret, const char *text, size_t len, size_t max_bytes)
{
	int ends[2], r;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, len), len);
	close(ends[1]);
	r = secret_read_fd(ret, ends[0], max_bytes);
	close(ends[0]);
	return r;
}

static void reads_with_a_cap(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_int_equal(read_text(&secret, "", 0, 8), -ENODATA);
	assert_int_equal(read_text(&secret, "123456789", 9, 8), -E2BIG);
	assert_null(secret.data);
	assert_ok(read_text(&secret, "12345678", 8, 8));
	assert_string_equal((char *)secret.data, "12345678");
	assert_int_equal(secret.len, 8);
}

static void trims_newlines(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_ok(secret_copy(&secret, "pass\r word \r\n\n", 14));
	secret_trim_newline(&secret);
	assert_string_equal((char *)secret.data, "pass\r word ");
	assert_int_equal(secret.len, 11);
	secret.len = 0;
	secret_trim_newline(&secret);
	assert_int_equal(secret.len, 0);
}

static void refuses_readable_files(void **state)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	char path[] = "/tmp/test_secret.XXXXXX";
	CLEANUP_CLOSE int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_ok(file_write_all(fd, "key\n", 4));
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(secret_read_file(&secret, path, 100), -EACCES);
	assert_said("chmod 600");
	assert_null(strstr(fail_text(), "key"));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_ok(secret_read_file(&secret, path, 100));
	assert_string_equal((char *)secret.data, "key\n");
	unlink(path);
	secret_done(&secret);
	assert_int_equal(secret_read_file(&secret, path, 100), -ENOENT);
}

static void guards_the_process(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct rlimit limit;
		int r = secret_guard_process();

		getrlimit(RLIMIT_CORE, &limit);
		_exit(r == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_locked_and_not_dumped),
		cmocka_unit_test(is_empty_in_a_child),
		cmocka_unit_test(has_bounds),
		cmocka_unit_test(is_random),
		cmocka_unit_test(reads_with_a_cap),
		cmocka_unit_test(trims_newlines),
		cmocka_unit_test(refuses_readable_files),
		cmocka_unit_test(guards_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
