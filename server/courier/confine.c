/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock (Linux 5.13) as plain system calls: libc has no functions for them. The first version of
 * its rules is all that is used.
 */
#include "server/courier/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"

/* All that version 1 knows. */
#define EVERYTHING ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* Where resolvers, name services and trust stores have their files. Folders, since such files are
 * replaced by renaming. The server's own folder is none of them. */
static const char *const readable[] = {
	"/etc",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/usr/share/ca-certificates",
	"/usr/lib",
	"/lib",
	"/lib64",
	"/dev/urandom",
	"/dev/null",
};

static int allow(int rules, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = fd,
	};

	if (fd < 0) /* what isn't there needs no rule */
		return 0;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0)
		return 0;
	beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE; /* of a file, not of a folder */
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0)
		return 0;
	return fail(-errno, "can't allow %s to the courier: %m", path);
}

int confine_files(void)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = EVERYTHING };
	CLEANUP_CLOSE int rules = -1;
	const char *bundle = getenv("SSL_CERT_FILE");
	int r;

	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
		return CONFINE_UNAVAILABLE;
	if (rules < 0)
		return fail(-errno, "can't confine the courier to its files: %m");
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		r = allow(rules, readable[i]);
		if (r < 0)
			return r;
	}
	r = bundle && *bundle ? allow(rules, bundle) : 0;
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		r = fail(-errno, "can't confine the courier to its files: %m");
	return r;
}
