/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See image.h.
 */
#include "tests/fault/image.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGES (IMAGE_ROOM / IMAGE_PAGE)

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("crash: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(2);
}

static void *room(size_t bytes)
{
	void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		die("no memory");
	return data;
}

void image_make(struct image *ret)
{
	*ret = (struct image){ 0, room(IMAGE_ROOM), room(PAGES * sizeof(bool)) };
}

static uint64_t pages_of(uint64_t len)
{
	return (len + IMAGE_PAGE - 1) / IMAGE_PAGE;
}

void image_copy(struct image *to, const struct image *from)
{
	uint64_t pages = pages_of(MAX(to->len, from->len));

	for (uint64_t i = 0; i < pages; i++) {
		uint8_t *page = to->data + i * IMAGE_PAGE;

		if (from->is_used[i])
			memcpy(page, from->data + i * IMAGE_PAGE, IMAGE_PAGE);
		else if (to->is_used[i])
			memset(page, 0, IMAGE_PAGE);
		to->is_used[i] = from->is_used[i];
	}
	to->len = from->len;
}

/* musl's memcmp(3) goes byte by byte, and this is where the time would go. */
size_t image_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;

	while (at + sizeof(uint64_t) <= len) {
		uint64_t x, y;

		memcpy(&x, a + at, sizeof(x));
		memcpy(&y, b + at, sizeof(y));
		if (x != y)
			break;
		at += sizeof(x);
	}
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

static bool is_zero(const uint8_t *page)
{
	static const uint8_t zeros[IMAGE_PAGE];

	return image_same(page, zeros, IMAGE_PAGE) == IMAGE_PAGE;
}

void image_write(struct image *image, uint64_t offset, const void *data, size_t len)
{
	uint64_t end = offset + len;

	if (end > IMAGE_ROOM)
		die("a write at %llu is more than an image holds", (unsigned long long)offset);
	if (len == 0)
		return;
	memcpy(image->data + offset, data, len);
	for (uint64_t i = offset / IMAGE_PAGE; i < pages_of(end); i++)
		image->is_used[i] = !is_zero(image->data + i * IMAGE_PAGE);
	image->len = MAX(image->len, end);
}

void image_resize(struct image *image, uint64_t len)
{
	if (len > IMAGE_ROOM)
		die("a file of %llu bytes is more than an image holds", (unsigned long long)len);
	for (uint64_t i = len / IMAGE_PAGE; i < pages_of(image->len); i++) {
		uint64_t from = MAX(len, i * IMAGE_PAGE);

		if (!image->is_used[i])
			continue;
		memset(image->data + from, 0, (i + 1) * IMAGE_PAGE - from);
		image->is_used[i] = !is_zero(image->data + i * IMAGE_PAGE);
	}
	image->len = len;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 29);
}

uint64_t image_hash(const struct image *image)
{
	uint64_t hash = mix(1, image->len);

	for (uint64_t i = 0; i < pages_of(image->len); i++) {
		const uint8_t *page = image->data + i * IMAGE_PAGE;
		uint64_t lanes[4] = { i, 2, 3, 4 }, words[4];

		if (!image->is_used[i])
			continue;
		for (size_t at = 0; at < IMAGE_PAGE; at += sizeof(words)) {
			memcpy(words, page + at, sizeof(words));
			for (size_t k = 0; k < ARRAY_SIZE(lanes); k++)
				lanes[k] = mix(lanes[k], words[k]);
		}
		for (size_t k = 0; k < ARRAY_SIZE(lanes); k++)
			hash = mix(hash, lanes[k]);
	}
	return hash;
}

void image_load(struct image *image, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s: %s", path, strerror(errno));
	image_resize(image, 0);
	image_resize(image, (uint64_t)st.st_size);
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, at, SEEK_HOLE);

		if (end < at ||
		    file_pread_all(fd, image->data + at, (size_t)(end - at), (uint64_t)at) < 0)
			die("reading %s", path);
		for (uint64_t i = (uint64_t)at / IMAGE_PAGE; i < pages_of((uint64_t)end); i++)
			image->is_used[i] = !is_zero(image->data + i * IMAGE_PAGE);
		at = end;
	}
}

void image_store(const struct image *image, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t pages = pages_of(image->len), i = 0;

	if (fd < 0 || ftruncate(fd, (off_t)image->len) < 0)
		die("%s: %s", path, strerror(errno));
	while (i < pages) {
		uint64_t first = i, at;

		while (i < pages && image->is_used[i])
			i++;
		at = first * IMAGE_PAGE;
		if (i > first &&
		    file_pwrite_all(fd, image->data + at,
				    (size_t)(MIN(i * IMAGE_PAGE, image->len) - at), at) < 0)
			die("writing %s", path);
		while (i < pages && !image->is_used[i])
			i++;
	}
}
