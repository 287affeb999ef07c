/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk and a memory that fail in a scenario: see failing.c, which only the program crash-failing
 * has.
 */
#pragma once

#include "tests/fault/enumerate.h"

/* how: a name of failing.c's table. only: 0, or the one failure to show. The exit status. Weak:
 * NULL in the other programs. */
int failing_each(struct work *work, const char *how, uint64_t only) __attribute__((weak));
