/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The witness: a file of checkpoint texts, one a line, only ever appended to. It may lie on another
 * disk and be append-only (chattr +a). A line that a cut has left half-written is followed by the
 * whole one.
 */
#pragma once

#include "common/base.h"

/* Opens the file for appending and makes it (0600) if need be. */
int witness_open(const char *path, int *ret_fd) MUST_CHECK;

/* For one that holds the lock. */
int witness_lock(int fd) MUST_CHECK;
void witness_unlock(int fd);

/* The last whole line, "" when there is none; the caller frees it. *ret_is_torn: something without
 * a newline follows it. */
int witness_last(int fd, char **ret, bool *ret_is_torn) MUST_CHECK;

/* Appends a line durably. after_torn: begins with a newline of its own. */
int witness_append(int fd, const char *text, bool after_torn) MUST_CHECK;

/* Calls each(line, userdata) for every whole line; torn ones are left out. -EBADMSG when a line is
 * not what a cut leaves. Lines may be long. */
int witness_each(const char *path, int (*each)(const char *line, void *userdata),
		 void *userdata) MUST_CHECK;
