/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock file and nothing else. It is never removed: a new file under an old name would let two
 * holders in. /run is empty again after a boot.
 */
#include "bootstrap/lock.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define LOCK_PATH "/run/panocrypt.lock"

static int held_fd = -1;

int lock_take(void)
{
	CLEANUP_CLOSE int fd = -1;

	if (held_fd >= 0)
		return 0;
	fd = open(LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(-errno, "the lock file " LOCK_PATH " can't be opened: %s; run as root",
			    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return LOCK_BUSY;
		return fail(-errno, "locking " LOCK_PATH ": %s", strerror(errno));
	}
	held_fd = TAKE_FD(fd);
	return 0;
}

bool lock_is_held_elsewhere(void)
{
	CLEANUP_CLOSE int fd = -1;

	if (held_fd >= 0)
		return false;
	fd = open(LOCK_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
