/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `packages` in a root of its own, for packages.sh: packages ROOT STATE run|done|undo.
 * The exit status of "done" is 0 when it is done.
 *
 * UNIT_SOURCES: bootstrap/phases/packages.c bootstrap/spawn.c
 * UNIT_SOURCES: bootstrap/spawn_program.c bootstrap/spawn_sink.c
 */
#include "bootstrap/phase.h"
#include "common/err.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct job job = { .state_dir = argc == 4 ? argv[2] : "" };
	int r = -EINVAL;

	if (argc != 4 || chroot(argv[1]) < 0 || chdir("/") < 0) {
		fprintf(stderr, "packages ROOT STATE run|done|undo, as root\n");
		return 2;
	}
	if (strcmp(argv[3], "run") == 0)
		r = phase_packages.run(&job);
	else if (strcmp(argv[3], "undo") == 0)
		r = phase_packages.undo(&job);
	else if (strcmp(argv[3], "done") == 0)
		return phase_packages.done(&job) == 1 ? 0 : 1;
	if (r < 0)
		fprintf(stderr, "packages: %s\n", fail_text()[0] ? fail_text() : strerror(-r));
	return r < 0 ? 1 : 0;
}
