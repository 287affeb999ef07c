/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pinned libcryptsetup must finish what was cut, wherever it was cut. Encrypts a file as the
 * self-test does, but in a child that dies before its n-th write or flush, for every n; then
 * resumes and compares. Linked with --wrap, so the dying is in the library's own calls. Prints
 * "N cuts, L lost"; needs a folder as argument.
 *
 * Offline only: the online path needs device-mapper and is cut in the VMs.
 */
#include "bootstrap/selftest_reencrypt.c"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CUT_STATUS 77

static unsigned long calls_left; /* 0: never die */

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

static void maybe_die(void)
{
	if (calls_left && --calls_left == 0)
		_exit(CUT_STATUS);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (fd > STDERR_FILENO)
		maybe_die();
	return __real_write(fd, data, len);
}

/* A process dies here, no machine: what was written is read again, flushed or not. */
int __wrap_fsync(int fd)
{
	(void)fd;
	maybe_die();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	maybe_die();
	return 0;
}

/* Brings a crashed volume back to where it can be resumed. */
static int recover(const char *data)
{
	const struct crypt_params_reencrypt params = { .flags = CRYPT_REENCRYPT_RECOVERY };
	struct crypt_device *cd = NULL;
	int r = crypt_init(&cd, data);

	if (!r)
		r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (!r && crypt_reencrypt_status(cd, NULL) == CRYPT_REENCRYPT_CRASH)
		r = crypt_reencrypt_init_by_passphrase(cd, NULL, PASSPHRASE, strlen(PASSPHRASE),
						       CRYPT_ANY_SLOT, 0, NULL, NULL, &params);
	crypt_free(cd);
	return r < 0 ? selftest_luks_fail(r, "recovery") : 0;
}

static bool is_in_reencryption(const char *data)
{
	struct crypt_device *cd = NULL;
	bool is = crypt_init(&cd, data) < 0 || crypt_load(cd, CRYPT_LUKS2, NULL) < 0 ||
		  crypt_reencrypt_status(cd, NULL) != CRYPT_REENCRYPT_NONE;

	crypt_free(cd);
	return is;
}

/* Runs to the end in a child that dies at the n-th call; CUT_STATUS, or 0 if it got through. */
static int run_cut(const char *data, unsigned long n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		calls_left = n;
		_exit(run_to_the_end(data) < 0 ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

static int finish(const char *data, const char *key)
{
	int r = recover(data);

	if (!r && is_in_reencryption(data))
		r = run_to_the_end(data);
	if (!r && is_in_reencryption(data))
		r = fail(-EIO, "the volume still says that it is in reencryption");
	return r < 0 ? r : compare_payload(data, key);
}

static int copy(const char *from, const char *to)
{
	char command[2 * SELFTEST_PATH_MAX + 32];

	snprintf(command, sizeof(command), "cp --sparse=always '%s' '%s'", from, to);
	return system(command) == 0 ? 0 : fail(-EIO, "can't copy %s", from);
}

int main(int argc, char **argv)
{
	struct selftest test = { .dir = argc == 2 ? argv[1] : "." };
	char header[SELFTEST_PATH_MAX], base[SELFTEST_PATH_MAX], data[SELFTEST_PATH_MAX];
	char key[KEY_BYTES];
	unsigned long cuts = 0, lost = 0;

	selftest_path(&test, "data", data);
	if (selftest_make_file(&test, "header", SHIFT_BYTES, header) < 0 ||
	    selftest_make_file(&test, "base", DEVICE_BYTES, base) < 0 || write_payload(base) < 0 ||
	    init_header(header, base, key) < 0 || put_header(header, base) < 0) {
		fprintf(stderr, "%s\n", fail_text());
		return 1;
	}
	for (;; cuts++) {
		int status;

		if (copy(base, data) < 0)
			return 1;
		status = run_cut(data, cuts + 1);
		if (status == 0)
			break;
		if (status != CUT_STATUS || finish(data, key) < 0) {
			printf("lost at call %lu: %s\n", cuts + 1, fail_text());
			lost++;
		}
	}
	printf("%lu cuts, %lu lost\n", cuts, lost);
	return cuts > 0 && lost == 0 ? 0 : 1;
}
