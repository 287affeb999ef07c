/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of filesystems whose root we can convert. A new one is a file fs_x.c and a line here.
 */
#include "bootstrap/fs.h"

#include "bootstrap/fs_ext4.h"
#include "common/err.h"

#include <errno.h>
#include <string.h>

static const struct fs *const rows[] = { &fs_ext4 };

int fs_find(const char *name, const struct fs **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i]->name, name) == 0) {
			*ret = rows[i];
			return 0;
		}
	}
	return fail(-EOPNOTSUPP, "the filesystem %s can't be converted yet: ext4 can",
		    name[0] ? name : "(none)");
}
