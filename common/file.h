/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole small files: read with a cap, replaced atomically, made durable. Knows nothing of what is
 * in them.
 */
#pragma once

#include "common/base.h"

#include <sys/types.h>

/* Reads the whole file into a malloc'd buffer with a zero byte behind it. -E2BIG above max_bytes,
 * -ENOENT when missing (no sentence is made for it: callers often expect it). ret_len may be
 * NULL. */
int file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len) MUST_CHECK;

/* Replaces path atomically and durably: temporary file beside it, fsync, rename, fsync of the
 * folder. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode) MUST_CHECK;

/* file_replace() of a text. */
int file_replace_text(const char *path, const char *text, mode_t mode) MUST_CHECK;

/* Copies a regular file (content, mode) durably with file_replace() semantics. */
int file_copy(const char *from, const char *to) MUST_CHECK;

/* Removes the name durably (fsync of the folder). A missing file is 0. */
int file_remove(const char *path) MUST_CHECK;

/* Makes a folder and its parents. */
int file_mkdirs(const char *path, mode_t mode) MUST_CHECK;

/* fsync of a folder by its path. */
int file_sync_dir(const char *path) MUST_CHECK;

/* Writes everything or fails; retries EINTR and short writes. The p-variant writes at an offset in
 * bytes. */
int file_write_all(int fd, const void *data, size_t len) MUST_CHECK;
int file_pwrite_all(int fd, const void *data, size_t len, uint64_t offset_bytes) MUST_CHECK;

/* Reads exactly len bytes or fails (-EIO on a short file). */
int file_pread_all(int fd, void *data, size_t len, uint64_t offset_bytes) MUST_CHECK;

bool file_exists(const char *path);

/* Calls each(line, userdata) for each line of text, without its newline; stops at the first
 * non-zero and returns it. The text is not changed; line is valid during the call only. Lines above
 * 4095 bytes are -E2BIG. */
int file_each_line(const char *text, int (*each)(const char *line, void *userdata),
		   void *userdata) MUST_CHECK;
