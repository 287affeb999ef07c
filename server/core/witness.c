/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a witness from its end, appending to it, walking through it. Knows no signature.
 */
#include "server/core/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#define WINDOW_BYTES (64 * KIB)
#define LINE_MAX_BYTES (32 * MIB)

int witness_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail(-errno, "the audit's witness %s can't be opened: %s", path,
			    strerror(errno));
	*ret_fd = fd;
	return 0;
}

int witness_lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(-errno, "the audit's witness can't be locked: %s",
				    strerror(errno));
	return 0;
}

void witness_unlock(int fd)
{
	(void)flock(fd, LOCK_UN);
}

/* The last whole line within the window; NULL: the window must grow. is_start: it begins where the
 * file does. */
static const char *last_line(char *window, bool is_start, bool *ret_is_torn)
{
	size_t len = strlen(window);
	char *end, *begin;

	*ret_is_torn = len > 0 && window[len - 1] != '\n';
	end = strrchr(window, '\n');
	if (!end)
		return is_start ? "" : NULL;
	*end = '\0';
	begin = strrchr(window, '\n');
	if (!begin && !is_start)
		return NULL;
	return begin ? begin + 1 : window;
}

int witness_last(int fd, char **ret, bool *ret_is_torn)
{
	size_t room = WINDOW_BYTES;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(-errno, "the audit's witness can't be read: %s", strerror(errno));
	for (;; room *= 4) {
		size_t size = (size_t)st.st_size, len = MIN(size, room);
		CLEANUP_FREE char *window = calloc(1, len + 1);
		const char *line;
		int r;

		if (!window)
			return fail(-ENOMEM, "out of memory");
		r = file_pread_all(fd, window, len, size - len);
		if (r < 0)
			return r;
		line = last_line(window, len == size, ret_is_torn);
		if (line)
			return text_format(ret, "%s", line);
		if (room > LINE_MAX_BYTES)
			return fail(-EBADMSG, "the audit's witness has no line at its end");
	}
}

int witness_append(int fd, const char *text, bool after_torn)
{
	CLEANUP_FREE char *line = NULL;
	int r = text_format(&line, "%s%s\n", after_torn ? "\n" : "", text);

	if (r == 0)
		r = file_write_all(fd, line, strlen(line));
	if (r < 0)
		return r;
	if (fdatasync(fd) < 0)
		return fail(-errno, "the audit's witness can't be written: %s", strerror(errno));
	return 0;
}

int witness_each(const char *path, int (*each)(const char *line, void *userdata), void *userdata)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FREE char *torn = NULL;
	size_t room = 0;
	ssize_t len;
	int r;

	if (!file)
		return fail(-errno, "the witness %s can't be read: %s", path, strerror(errno));
	while ((len = getline(&line, &room, file)) > 0) {
		if (line[len - 1] != '\n')
			break; /* being written, or cut there */
		line[len - 1] = '\0';
		if (torn && strncmp(torn, line, strlen(torn)) != 0)
			return fail(-EBADMSG, "the witness has a damaged line: %.40s", torn);
		free(TAKE_PTR(torn));
		r = each(line, userdata);
		if (r == -EINVAL || r == -EKEYREJECTED)
			r = text_format(&torn, "%s", line);
		if (r != 0)
			return r;
	}
	return torn ? fail(-EBADMSG, "the witness ends with a damaged line: %.40s", torn) : 0;
}
