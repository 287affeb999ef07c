/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What spawn.c's child does between fork() and execve(): finds the program, and becomes it. Nothing
 * here allocates or speaks.
 */
#pragma once

#include "bootstrap/spawn.h"

/* In the child. fds become 0, 1 and 2; a negative one is /dev/null. Returns only when it failed:
 * -ENOENT when there is no such program. */
int spawn_program_become(const struct spawn *spawn, const int fds[static 3]) MUST_CHECK;
