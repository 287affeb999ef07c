/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See destroy.h. Reading is by pieces that overlap by the longest needle, so that none is missed at
 * a border.
 */
#include "bootstrap/destroy.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "common/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_BYTES (1 * MIB)
#define NEEDLE_MAX 96

DEFINE_CLEANUP(DIR *, closedir);
#define CLEANUP_DIR CLEANUP(closedirp)

static int zero_range(int fd, uint64_t len)
{
	static const uint8_t zeros[64 * KIB];

	for (uint64_t at = 0; at < len; at += sizeof(zeros)) {
		int r = file_pwrite_all(fd, zeros, MIN(sizeof(zeros), len - at), at);

		if (r < 0)
			return r;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Zeros under this name are nothing that anybody reads. */
static int overwrite(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : fail(-errno, "%s can't be destroyed: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		return -errno;
	r = zero_range(fd, (uint64_t)st.st_size);
	if (r < 0)
		return fail(r, "%s can't be overwritten: %s", path, strerror(-r));
	return file_remove(path);
}

int destroy_file(const char *path)
{
	CLEANUP_FREE char *gone = NULL, *folder = NULL;
	int r;

	r = text_format(&gone, "%s.gone", path);
	if (r == 0)
		r = text_format(&folder, "%s", path);
	if (r == 0)
		r = overwrite(gone); /* of a time before a power cut */
	if (r < 0)
		return r;
	if (rename(path, gone) < 0)
		return errno == ENOENT
			       ? 0
			       : fail(-errno, "%s can't be destroyed: %s", path, strerror(errno));
	r = file_sync_dir(dirname(folder));
	return r < 0 ? r : overwrite(gone);
}

int destroy_folder(const char *path)
{
	CLEANUP_DIR DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? 0 : fail(-errno, "%s: %s", path, strerror(errno));
	while (r == 0 && (entry = readdir(folder))) {
		CLEANUP_FREE char *file = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = text_format(&file, "%s/%s", path, entry->d_name);
		if (r == 0)
			r = entry->d_type == DT_DIR ? tree_remove(file) : destroy_file(file);
	}
	if (r == 0 && rmdir(path) < 0 && errno != ENOENT)
		r = fail(-errno, "removing %s: %s", path, strerror(errno));
	return r;
}

static uint64_t count_hits(const char *data, size_t len, const char *const *needles, size_t count)
{
	uint64_t hits = 0;

	for (size_t i = 0; i < count; i++) {
		size_t needle_len = strlen(needles[i]);
		const char *at = data, *end = data + len;

		while ((at = memmem(at, (size_t)(end - at), needles[i], needle_len))) {
			hits++;
			at += needle_len;
		}
	}
	return hits;
}

int destroy_search(const char *device, const char *const *needles, size_t count, uint64_t *ret_hits)
{
	CLEANUP_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *piece = malloc(PIECE_BYTES + NEEDLE_MAX);
	uint64_t hits = 0;
	size_t kept = 0;

	if (fd < 0)
		return fail(-errno, "%s can't be searched: %s", device, strerror(errno));
	if (!piece)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, piece + kept, PIECE_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "%s can't be searched: %s", device, strerror(errno));
		if (n == 0)
			break;
		hits += count_hits(piece, kept + (size_t)n, needles, count);
		/* Long enough for any needle across the border; a shorter one inside may count
		 * twice, none is missed. */
		size_t keep = 0;
		for (size_t i = 0; i < count; i++)
			keep = MAX(keep, MIN(strlen(needles[i]) - 1, kept + (size_t)n));
		memmove(piece, piece + kept + (size_t)n - keep, keep);
		kept = keep;
	}
	*ret_hits = hits;
	return 0;
}

int destroy_free_space(const char *mount_point)
{
	static const uint8_t zeros[64 * KIB];
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	int r;

	r = text_format(&path, "%s/.panocrypt-zero", mount_point);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	/* Until the filesystem is full: that is the point. */
	while ((r = file_write_all(fd, zeros, sizeof(zeros))) == 0)
		;
	if (r != -ENOSPC)
		fail_at(r, "%s", path);
	if (fsync(fd) < 0 && r == -ENOSPC)
		r = -errno;
	if (file_remove(path) < 0)
		return -EIO;
	return r == -ENOSPC ? 0 : r;
}
