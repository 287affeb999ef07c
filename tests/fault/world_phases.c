/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See world_phases.h. Functions __wrap_x take the place of x (ld --wrap), __real_x is the
 * product's.
 */
#include "tests/fault/world_phases.h"

#include "bootstrap/block.h"
#include "bootstrap/grub.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "common/file.h"
#include "tests/fault/world_private.h"

#include <fcntl.h>
#include <string.h>

#define MAPPING_PATH "/dev/mapper/" MAPPING_NAME
#define ARGS_MAX 32

const char *const world_grub_files[] = { "normal.mod", "core.img", "boot.img", NULL };

/* --- what isn't there ------------------------------------------------------------------------- */

/* No server. */
void report_running(struct reporter *reporter UNUSED, const struct progress *progress UNUSED)
{
}

static const char *mapped(char ret[static 300])
{
	snprintf(ret, 300, "%s/" WORLD_MAPPED, here->folder);
	return ret;
}

/* No mapping: a file has what it would show. */
int __real_block_probe(const char *device, struct block_content *ret);
int __wrap_block_probe(const char *device, struct block_content *ret);

int __wrap_block_probe(const char *device, struct block_content *ret)
{
	char path[300];

	return __real_block_probe(strcmp(device, MAPPING_PATH) == 0 ? mapped(path) : device, ret);
}

/* The tools are shown that file; and they write down what time it is: the same in every boot, so
 * that equal machines stay equal. */
int __real_execve(const char *path, char *const argv[], char *const env[]);
int __wrap_execve(const char *path, char *const argv[], char *const env[]);

int __wrap_execve(const char *path, char *const argv[], char *const env[])
{
	static char check[] = "E2FSCK_TIME=1700000000", others[] = "E2FSPROGS_FAKE_TIME=1700000000";
	char *more[64] = { check, others }, *args[ARGS_MAX] = { NULL }, file[300];

	for (size_t i = 0; env[i] && i + 3 < ARRAY_SIZE(more); i++)
		more[i + 2] = env[i];
	for (size_t i = 0; argv[i] && i + 1 < ARRAY_SIZE(args); i++)
		args[i] = strcmp(argv[i], MAPPING_PATH) == 0 ? (char *)mapped(file) : argv[i];
	return __real_execve(path, args, more);
}

/* grub-install: it only writes files, in any order, and flushes none. */
static int install_files(void)
{
	for (const char *const *name = world_grub_files; *name; name++) {
		CLEANUP_FREE char *data = NULL;
		CLEANUP_CLOSE int fd = -1;
		char from[300], to[300];
		size_t len = 0;

		snprintf(from, sizeof(from), WORLD_GRUB_NEW "%s", *name);
		snprintf(to, sizeof(to), MACHINE_STATE "/%s", *name);
		if (file_read(from, MIB, &data, &len) < 0)
			return -EIO;
		fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || file_pwrite_all(fd, data, len, 0) < 0)
			return -EIO;
	}
	return 0;
}

int __real_spawn_run(const struct spawn *spawn);
int __wrap_spawn_run(const struct spawn *spawn);

int __wrap_spawn_run(const struct spawn *spawn)
{
	return strcmp(spawn->argv[0], "grub-install") == 0 ? install_files()
							   : __real_spawn_run(spawn);
}

bool __real_file_exists(const char *path);
bool __wrap_file_exists(const char *path);

bool __wrap_file_exists(const char *path)
{
	return strcmp(path, "/usr/lib/grub/i386-pc") == 0 || __real_file_exists(path);
}

/* --- phases ----------------------------------------------------------------------------------- */

static int begin(struct world *w, struct job *ret)
{
	static struct facts facts;

	world_enter(w);
	if (chdir(w->folder) < 0)
		return -errno;
	world_be_quiet();
	*ret = (struct job){ .facts = &facts, .state_dir = MACHINE_STATE };
	return 0;
}

int world_wipe(struct world *w)
{
	struct job job;
	int r = begin(w, &job);

	if (r == 0)
		r = intent_read(MACHINE_STATE, &job.intent);
	return r < 0 ? r : phase_wipe.run(&job);
}

int world_install_grub(struct world *w)
{
	struct job job;
	int r = begin(w, &job);

	if (r < 0)
		return r;
	snprintf(job.facts->disk, sizeof(job.facts->disk), MACHINE_TABLE);
	job.facts->has_bios_boot = true;
	return grub_install(job.facts);
}
