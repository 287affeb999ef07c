/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What judge.c and judge_boots.c share. Nobody else includes this.
 */
#pragma once

#include "tests/fault/judge.h"

/* Writes the sentence; returns false. */
bool judge_lost(char *ret, const char *format, ...) PRINTF_LIKE(2, 3);

/* The path of the root partition. */
const char *judge_device(const struct judge *judge, char ret[static 300]);

/* Does the root partition begin with the filesystem as it shall be? */
bool judge_device_same(const struct judge *judge, char *ret_loss);

/* Of a volume that is encrypted to its end: is it what was encrypted? */
bool judge_decrypted_same(const struct judge *judge, char *ret_loss);
