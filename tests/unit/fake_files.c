/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fake_files.h. What file.c promises (tests/unit/test_file.c): a file is replaced as a whole.
 */
#include "tests/unit/fake_files.h"

#include "common/err.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake_files *fake_files;

static void resolve(const char *path, char ret[static FAKE_PATH_MAX])
{
	if (fake_files->resolve)
		fake_files->resolve(path, ret);
	else if (snprintf(ret, FAKE_PATH_MAX, "%s", path) >= FAKE_PATH_MAX)
		abort();
}

struct fake_file *fake_file_at(struct fake_files *files, const char *stored)
{
	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->files[i].path, stored) == 0)
			return &files->files[i];
	}
	return NULL;
}

void fake_file_put(const char *stored, const void *data, size_t len)
{
	struct fake_file *file = fake_file_at(fake_files, stored);

	if (!file) {
		if (fake_files->count == FAKE_FILES_MAX)
			abort();
		file = &fake_files->files[fake_files->count++];
		memset(file, 0, sizeof(*file));
		if (snprintf(file->path, FAKE_PATH_MAX, "%s", stored) >= FAKE_PATH_MAX)
			abort();
	}
	if (len > FAKE_FILE_BYTES)
		abort();
	memset(file->data, 0, sizeof(file->data));
	memcpy(file->data, data, len);
	file->len = len;
}

static void drop(struct fake_file *file)
{
	*file = fake_files->files[--fake_files->count];
}

static bool is_below(const char *path, const char *prefix)
{
	return strncmp(path, prefix, strlen(prefix)) == 0;
}

void fake_files_drop(const char *prefix)
{
	for (size_t i = fake_files->count; i > 0; i--) {
		if (is_below(fake_files->files[i - 1].path, prefix))
			drop(&fake_files->files[i - 1]);
	}
}

void fake_files_copy(const char *prefix, const char *to_prefix)
{
	for (size_t i = 0, count = fake_files->count; i < count; i++) {
		const struct fake_file *file = &fake_files->files[i];
		char to[2 * FAKE_PATH_MAX];

		if (!is_below(file->path, prefix))
			continue;
		snprintf(to, sizeof(to), "%s%s", to_prefix, file->path + strlen(prefix));
		fake_file_put(to, file->data, file->len);
	}
}

static const char *first_missing(struct fake_files *a, struct fake_files *b,
				 const char *const *except)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct fake_file *file = &a->files[i];
		const struct fake_file *other = fake_file_at(b, file->path);
		bool is_excepted = false;

		for (size_t k = 0; except[k]; k++)
			is_excepted = is_excepted || is_below(file->path, except[k]);
		if (!is_excepted && (!other || other->len != file->len ||
				     memcmp(other->data, file->data, file->len) != 0))
			return file->path;
	}
	return NULL;
}

const char *fake_files_differ(struct fake_files *a, struct fake_files *b, const char *const *except)
{
	const char *name = first_missing(a, b, except);

	return name ? name : first_missing(b, a, except);
}

/* --- common/file.h ---------------------------------------------------------------------------- */

int file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len)
{
	char stored[FAKE_PATH_MAX];
	struct fake_file *file;

	resolve(path, stored);
	file = fake_file_at(fake_files, stored);
	if (!file)
		return -ENOENT;
	if (file->len > max_bytes)
		return fail(-E2BIG, "%s is too large", path);
	*ret_data = calloc(1, file->len + 1);
	if (!*ret_data)
		return -ENOMEM;
	memcpy(*ret_data, file->data, file->len);
	if (ret_len)
		*ret_len = file->len;
	return 0;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode UNUSED)
{
	char stored[FAKE_PATH_MAX];

	resolve(path, stored);
	fake_file_put(stored, data, len);
	return 0;
}

int file_replace_text(const char *path, const char *text, mode_t mode)
{
	return file_replace(path, text, strlen(text), mode);
}

int file_copy(const char *from, const char *to)
{
	char *data = NULL;
	size_t len = 0;
	int r = file_read(from, FAKE_FILE_BYTES, &data, &len);

	if (r < 0)
		return fail(r, "%s: %s", from, strerror(-r));
	r = file_replace(to, data, len, 0);
	free(data);
	return r;
}

int file_remove(const char *path)
{
	char stored[FAKE_PATH_MAX];
	struct fake_file *file;

	resolve(path, stored);
	file = fake_file_at(fake_files, stored);
	if (file)
		drop(file);
	return 0;
}

int file_mkdirs(const char *path UNUSED, mode_t mode UNUSED)
{
	return 0;
}

int file_sync_dir(const char *path UNUSED)
{
	return 0;
}

bool file_exists(const char *path)
{
	char stored[FAKE_PATH_MAX];
	size_t len;

	resolve(path, stored);
	len = strlen(stored);
	for (size_t i = 0; i < fake_files->count; i++) {
		const char *other = fake_files->files[i].path;

		if (is_below(other, stored) && (!other[len] || other[len] == '/'))
			return true;
	}
	return false;
}

/* On a copy: `each` may replace files. */
int file_each_line(const char *text, int (*each)(const char *line, void *userdata), void *userdata)
{
	char *copy = strdup(text), *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && rest && *rest && (line = strsep(&rest, "\n")))
		r = each(line, userdata);
	free(copy);
	return r;
}

/* --- what the phases call of the C library, for tools/failing-calls ----------------------------
 */

int failing_open(const char *path, int flags, ...);
int failing_ftruncate(int fd, off_t size);
int failing_unlink(const char *path);
int failing_rename(const char *from, const char *to);
int failing_rmdir(const char *path);

int failing_open(const char *path, int flags UNUSED, ...)
{
	if (!file_exists(path) && file_replace(path, "", 0, 0) < 0)
		return -1;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int failing_ftruncate(int fd UNUSED, off_t size UNUSED)
{
	return 0;
}

int failing_unlink(const char *path)
{
	if (!file_exists(path)) {
		errno = ENOENT;
		return -1;
	}
	return file_remove(path);
}

int failing_rename(const char *from, const char *to)
{
	int r = file_copy(from, to);

	if (r == 0)
		r = file_remove(from);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int failing_rmdir(const char *path UNUSED)
{
	return 0;
}
