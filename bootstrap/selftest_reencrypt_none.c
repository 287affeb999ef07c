/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In place of selftest_reencrypt.c where libcryptsetup is older than 2.8: what would be tested
 * isn't what such a build may do.
 */
#include "bootstrap/selftest_checks.h"

#include <stdio.h>

int selftest_reencrypt(struct selftest *test)
{
	snprintf(test->detail, sizeof(test->detail), "libcryptsetup is older than 2.8");
	return SELFTEST_SKIPPED;
}
