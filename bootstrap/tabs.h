/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text edits of fstab(5) and crypttab(5): pure, text in, text out; every line that isn't ours stays
 * as it was, byte for byte. The caller frees the result and replaces the file atomically.
 */
#pragma once

#include "common/base.h"

/* The source of the line for this mount point becomes new_source (unless NULL), and the option is
 * removed or added (unless NULL). -ENOENT with a sentence when no line names the mount point. */
struct fstab_change {
	const char *mount_point;
	const char *new_source;
	const char *remove_option;
	const char *add_option;
};
int fstab_change(const char *text, const struct fstab_change *change, char **ret) MUST_CHECK;

/* Adds (or replaces) the line of a mount point; line without newline. */
int fstab_set(const char *text, const char *mount_point, const char *line, char **ret) MUST_CHECK;
int fstab_drop(const char *text, const char *mount_point, char **ret) MUST_CHECK;

/* The options of a mount point's line; "" when there is no such line. */
int fstab_options(const char *text, const char *mount_point, char *ret, size_t size) MUST_CHECK;

/* Adds (or replaces) the line of a mapping name. text may be "". */
int crypttab_set(const char *text, const char *name, const char *line, char **ret) MUST_CHECK;
int crypttab_drop(const char *text, const char *name, char **ret) MUST_CHECK;
