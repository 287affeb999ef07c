/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two questions to the kernel's device-mapper and one answer, by its own ioctls: no library, no
 * allocation, no file but /dev/mapper/control, which is opened once. So it works while parts of
 * root are suspended, which is when it is needed.
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
