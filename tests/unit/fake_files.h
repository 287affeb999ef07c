/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * common/file.h in memory: a table of paths and contents, so that a whole machine is one struct
 * that can be copied, compared, and shared with a process that is cut. Folders are what their
 * files' paths say; none is ever empty.
 */
#pragma once

#include "common/base.h"

#define FAKE_FILES_MAX 96
#define FAKE_FILE_BYTES (8 * KIB)
#define FAKE_PATH_MAX 120

struct fake_file {
	char path[FAKE_PATH_MAX];
	size_t len;
	char data[FAKE_FILE_BYTES];
};

struct fake_files {
	struct fake_file files[FAKE_FILES_MAX];
	size_t count;
	/* what the machine mounts: a path as it is seen → as it is stored; NULL: the same */
	void (*resolve)(const char *path, char ret[static FAKE_PATH_MAX]);
};

extern struct fake_files *fake_files;

/* By its stored path; NULL when there is none. */
struct fake_file *fake_file_at(struct fake_files *files, const char *stored);

/* By stored paths. */
void fake_file_put(const char *stored, const void *data, size_t len);
void fake_files_drop(const char *prefix);
void fake_files_copy(const char *prefix, const char *to_prefix);

/* The name of a file that only one of them has, or that differs; NULL: equal. Those below a prefix
 * of `except` (ends with NULL) don't count. */
const char *fake_files_differ(struct fake_files *a, struct fake_files *b,
			      const char *const *except);
