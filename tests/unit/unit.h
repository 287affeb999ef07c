/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every unit test includes: cmocka with the headers it wants before it, and a few assertions
 * of our own. Tests are named test_<module>.c, one for each module; a line "UNIT_SOURCES: a.c b.c"
 * in the head comment names what is linked besides common/ (fakes for gateways are files of
 * tests/unit/ too).
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* cmocka's macro fail() would hide our function; fail_msg() is built on it. */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
	do {                                                                                       \
		print_error("ERROR: " __VA_ARGS__);                                                \
		print_error("\n");                                                                 \
		_fail(__FILE__, __LINE__);                                                         \
	} while (0)

#include "common/err.h"

/* The last sentence contains this text. */
#define assert_said(text)                                                                          \
	do {                                                                                       \
		if (!strstr(fail_text(), (text)))                                                  \
			fail_msg("wanted \"%s\" in \"%s\"", (text), fail_text());                  \
	} while (0)

/* A call that must succeed; its sentence is shown when it doesn't. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		int _r = (call);                                                                   \
		if (_r != 0)                                                                       \
			fail_msg("%s: %d, %s", #call, _r, fail_text());                            \
	} while (0)
