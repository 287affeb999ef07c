/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See spawn_program.h. The child gets a session of its own (no terminal to ask on, one group to
 * kill), no descriptor but 0, 1 and 2, and only the environment made here.
 */
#include "bootstrap/spawn_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENV_MAX 48
#define CLOSE_RANGE_ON_EXEC 4U /* CLOSE_RANGE_CLOEXEC, linux/close_range.h */

static const char *const search_path[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

static int program_path(const char *program, char *ret, size_t size)
{
	if (strchr(program, '/'))
		return snprintf(ret, size, "%s", program) < (int)size && access(ret, X_OK) == 0
			       ? 0
			       : -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(search_path); i++) {
		if (snprintf(ret, size, "%s/%s", search_path[i], program) < (int)size &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* In the initramfs HOME is / as the kernel gives it to init: there curl finds the same /.curlrc as
 * in Clevis's own loop. */
static void make_environment(const struct spawn *spawn, char *env[static ENV_MAX])
{
	static char path[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin", locale[] = "LC_ALL=C";
	static char home[] = "HOME=/root", initramfs_home[] = "HOME=/";
	size_t n = 0;

	env[n++] = path;
	env[n++] = locale;
	env[n++] = access("/scripts/functions", F_OK) == 0 ? initramfs_home : home;
	for (const char *const *extra = spawn->extra_env; extra && *extra && n < ENV_MAX - 1;
	     extra++)
		memcpy(&env[n++], extra, sizeof(*env));
	env[n] = NULL;
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
}

static int become(const struct spawn *spawn)
{
	char *env[ENV_MAX], *argv[SPAWN_ARGS_MAX], path[512];

	setsid();
	reset_signals();
	syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_ON_EXEC);
	if (spawn->chroot_dir && (chroot(spawn->chroot_dir) < 0 || chdir("/") < 0))
		return -errno;
	if (program_path(spawn->argv[0], path, sizeof(path)) < 0)
		return -ENOENT;
	make_environment(spawn, env);
	memcpy(argv, spawn->argv, sizeof(argv));
	if (spawn->watch) {
		int r = spawn->watch->enter(spawn->watch);

		if (r < 0)
			return r;
	}
	execve(path, argv, env);
	return -errno;
}

/* fd 0, 1, 2 from the given ones; a negative one is /dev/null. */
static int wire(const int fds[static 3])
{
	for (int i = 0; i < 3; i++) {
		int fd = fds[i] >= 0 ? fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0 || dup2(fd, i) < 0)
			return -errno;
	}
	return 0;
}

int spawn_program_become(const struct spawn *spawn, const int fds[static 3])
{
	int r = wire(fds);

	return r < 0 ? r : become(spawn);
}

bool spawn_has(const char *program)
{
	char path[512];

	return program_path(program, path, sizeof(path)) == 0;
}
