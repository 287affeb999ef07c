/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See etc_files.h.
 */
#include "bootstrap/etc_files.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <errno.h>
#include <string.h>

#define ETC_MAX_BYTES (256 * KIB)

int etc_read(const char *path, char **ret)
{
	int r = file_read(path, ETC_MAX_BYTES, ret, NULL);

	if (r == -ENOENT) {
		*ret = strdup("");
		return *ret ? 0 : -ENOMEM;
	}
	return r < 0 ? fail(r, "%s can't be read: %s", path, strerror(-r)) : 0;
}

/* Writes only what has changed, so that a second run leaves the file's times alone. */
static int replace(const char *path, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return 0;
	return file_replace_text(path, after, 0644);
}

int etc_fstab_change(const struct fstab_change *change)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	int r;

	r = etc_read(FSTAB, &before);
	if (r < 0)
		return r;
	r = fstab_change(before, change, &after);
	if (r < 0)
		return r;
	return replace(FSTAB, before, after);
}

typedef int (*set_function)(const char *text, const char *name, const char *line, char **ret);
typedef int (*drop_function)(const char *text, const char *name, char **ret);

static int set(const char *path, set_function edit, const char *name, const char *line)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	int r;

	r = etc_read(path, &before);
	if (r < 0)
		return r;
	r = edit(before, name, line, &after);
	if (r < 0)
		return r;
	return replace(path, before, after);
}

static int drop(const char *path, drop_function edit, const char *name)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	int r;

	r = etc_read(path, &before);
	if (r < 0)
		return r;
	r = edit(before, name, &after);
	if (r < 0)
		return r;
	return replace(path, before, after);
}

int etc_fstab_set(const char *mount_point, const char *line)
{
	return set(FSTAB, fstab_set, mount_point, line);
}

int etc_fstab_drop(const char *mount_point)
{
	return drop(FSTAB, fstab_drop, mount_point);
}

int etc_crypttab_set(const char *name, const char *line)
{
	return set(CRYPTTAB, crypttab_set, name, line);
}

int etc_crypttab_drop(const char *name)
{
	return drop(CRYPTTAB, crypttab_drop, name);
}
