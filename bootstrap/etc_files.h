/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /etc/fstab and /etc/crypttab of the machine: read, edited by tabs.c, replaced atomically.
 */
#pragma once

#include "bootstrap/tabs.h"

#define FSTAB "/etc/fstab"
#define CRYPTTAB "/etc/crypttab"

int etc_fstab_change(const struct fstab_change *change) MUST_CHECK;
int etc_fstab_set(const char *mount_point, const char *line) MUST_CHECK;
int etc_fstab_drop(const char *mount_point) MUST_CHECK;
int etc_crypttab_set(const char *name, const char *line) MUST_CHECK;
int etc_crypttab_drop(const char *name) MUST_CHECK;

/* Whole text of a file of /etc, "" when it doesn't exist; the caller frees. */
int etc_read(const char *path, char **ret) MUST_CHECK;
