/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See tree.h.
 */
#include "common/tree.h"

#include "common/err.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

/* nftw(3) of musl goes so deep, and no deeper. */
#define DEPTH_MAX 128

static int remove_entry(const char *path, const struct stat *st UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int tree_remove(const char *path)
{
	if (nftw(path, remove_entry, DEPTH_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
	    errno == ENOENT)
		return 0;
	return fail(-errno, "removing %s and what is in it: %s", path, strerror(errno));
}
