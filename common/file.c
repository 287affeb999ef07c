/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole small files and durable replacement. After a power cut a replaced file is the old one or
 * the new one, whole: the new content is on disk before its name is, and the folder is synced after
 * the rename.
 */
#include "common/file.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_MAX_BYTES 4095

static int fail_path(int r, const char *what, const char *path)
{
	return fail(r, "%s %s: %s", what, path, strerror(-r));
}

int file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	CLEANUP_CLOSE int fd = -1;
	char chunk[8192];
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		fail_clear();
		return -ENOENT;
	}
	if (fd < 0)
		return fail_path(-errno, "reading", path);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_path(-errno, "reading", path);
		strbuf_addn(&buf, chunk, (size_t)n);
		if (buf.len > max_bytes)
			return fail(-E2BIG, "%s is larger than %zu bytes", path, max_bytes);
	}
	if (ret_len)
		*ret_len = buf.len;
	r = strbuf_take(&buf, ret_data);
	return r < 0 ? fail_at(r, "reading %s", path) : 0;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "writing: %s", strerror(errno));
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_pwrite_all(int fd, const void *data, size_t len, uint64_t offset_bytes)
{
	const uint8_t *from = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)offset_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "writing at byte %llu: %s",
				    (unsigned long long)offset_bytes, strerror(errno));
		from += n;
		len -= (size_t)n;
		offset_bytes += (uint64_t)n;
	}
	return 0;
}

int file_pread_all(int fd, void *data, size_t len, uint64_t offset_bytes)
{
	uint8_t *to = data;

	while (len > 0) {
		ssize_t n = pread(fd, to, len, (off_t)offset_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(n < 0 ? -errno : -EIO, "reading %zu bytes at byte %llu: %s",
				    len, (unsigned long long)offset_bytes,
				    n < 0 ? strerror(errno) : "the end comes before");
		to += n;
		len -= (size_t)n;
		offset_bytes += (uint64_t)n;
	}
	return 0;
}

int file_sync_dir(const char *path)
{
	CLEANUP_CLOSE int fd = -1;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return fail_path(-errno, "syncing folder", path);
	return 0;
}

static int sync_folder_of(const char *path)
{
	CLEANUP_FREE char *copy = NULL;
	int r;

	r = text_format(&copy, "%s", path);
	if (r < 0)
		return r;
	return file_sync_dir(dirname(copy));
}

/* A file being replaced: a temporary one beside it, removed again unless replacement_finish()
 * succeeds. */
struct replacement {
	char *temporary;
	int fd;
};

static void replacement_done(struct replacement *replacement)
{
	int saved = errno;

	if (replacement->temporary)
		unlink(replacement->temporary);
	free(replacement->temporary);
	if (replacement->fd >= 0)
		close(replacement->fd);
	errno = saved;
}

#define CLEANUP_REPLACEMENT CLEANUP(replacement_done)

static int replacement_begin(struct replacement *ret, const char *path, mode_t mode)
{
	CLEANUP_FREE char *name = NULL;
	int r;

	r = text_format(&name, "%s.XXXXXX", path);
	if (r < 0)
		return r;
	ret->fd = mkostemp(name, O_CLOEXEC);
	if (ret->fd < 0)
		return fail_path(-errno, "replacing", path);
	ret->temporary = TAKE_PTR(name);
	if (fchmod(ret->fd, mode) < 0)
		return fail_path(-errno, "replacing", path);
	return 0;
}

static int replacement_finish(struct replacement *replacement, const char *path)
{
	if (fsync(replacement->fd) < 0 || rename(replacement->temporary, path) < 0)
		return fail_path(-errno, "replacing", path);
	free(TAKE_PTR(replacement->temporary));
	return sync_folder_of(path);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode)
{
	CLEANUP_REPLACEMENT struct replacement replacement = { NULL, -1 };
	int r;

	r = replacement_begin(&replacement, path, mode);
	if (r < 0)
		return r;
	r = file_write_all(replacement.fd, data, len);
	if (r < 0)
		return fail_at(r, "replacing %s", path);
	return replacement_finish(&replacement, path);
}

int file_replace_text(const char *path, const char *text, mode_t mode)
{
	return file_replace(path, text, strlen(text), mode);
}

static int copy_bytes(int from, int to)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = read(from, chunk, sizeof(chunk));
		int r;

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "reading: %s", strerror(errno));
		r = file_write_all(to, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int file_copy(const char *from, const char *to)
{
	CLEANUP_REPLACEMENT struct replacement replacement = { NULL, -1 };
	CLEANUP_CLOSE int fd = -1;
	struct stat st;
	int r;

	fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_path(-errno, "copying", from);
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, "copying %s: not a regular file", from);
	r = replacement_begin(&replacement, to, st.st_mode & 07777);
	if (r < 0)
		return r;
	r = copy_bytes(fd, replacement.fd);
	if (r < 0)
		return fail_at(r, "copying %s to %s", from, to);
	return replacement_finish(&replacement, to);
}

int file_remove(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : fail_path(-errno, "removing", path);
	return sync_folder_of(path);
}

int file_mkdirs(const char *path, mode_t mode)
{
	CLEANUP_FREE char *copy = NULL;
	char *slash;
	struct stat st;
	int r;

	r = text_format(&copy, "%s", path);
	if (r < 0)
		return r;
	for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return fail_path(-errno, "making folder", copy);
		*slash = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return fail_path(-errno, "making folder", path);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail(-ENOTDIR, "making folder %s: something else is there", path);
	return 0;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

int file_each_line(const char *text, int (*each)(const char *line, void *userdata), void *userdata)
{
	char line[LINE_MAX_BYTES + 1];

	while (*text) {
		size_t len = strcspn(text, "\n");
		int r;

		if (len > LINE_MAX_BYTES)
			return fail(-E2BIG, "a line is longer than %d bytes", LINE_MAX_BYTES);
		memcpy(line, text, len);
		line[len] = '\0';
		r = each(line, userdata);
		if (r != 0)
			return r;
		text += len + (text[len] == '\n');
	}
	return 0;
}
