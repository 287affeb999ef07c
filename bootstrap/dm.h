/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions to the kernel's device-mapper, by its own ioctls: no library, no allocation, no file
 * but /dev/mapper/control, which is opened once. So they work while parts of root are suspended,
 * which is when the first three are needed.
 */
#pragma once

#include "common/base.h"

#define DM_NAME_SIZE 128

/* -errno with a sentence when there is no device-mapper here. */
int dm_open(int *ret_fd) MUST_CHECK;

/* Is a device suspended whose name is the prefix, or begins with the prefix and "-"? 1 and the
 * first one's name; 0: none; negative without a sentence. */
int dm_find_suspended(int fd, const char *prefix, char ret_name[static DM_NAME_SIZE]) MUST_CHECK;

int dm_resume(int fd, const char *name) MUST_CHECK;

/* Can the running kernel encrypt with this cipher? Makes a table of dm-crypt's over a device of
 * nothing, and removes both; no data passes through it. 0, or negative with a sentence. */
int dm_try_cipher(const char *cipher, size_t key_bytes) MUST_CHECK;
