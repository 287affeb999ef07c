/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See image.h.
 */
#include "tests/fault/image.h"

#include "common/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGES (IMAGE_ROOM / IMAGE_PAGE)

static const uint8_t zeros[IMAGE_PAGE];

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

void *share(size_t bytes)
{
	void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		die("no memory");
	return data;
}

static uint64_t pages_of(uint64_t len)
{
	return (len + IMAGE_PAGE - 1) / IMAGE_PAGE;
}

/* --- content ---------------------------------------------------------------------------------- */

void image_make(struct image *ret)
{
	*ret = (struct image){ 0, share(IMAGE_ROOM), share(PAGES * sizeof(*ret->pages)),
			       share(PAGES * sizeof(*ret->hashes)) };
}

void image_copy(struct image *to, const struct image *from)
{
	uint64_t pages = pages_of(from->len);

	memcpy(to->pages, from->pages, pages * sizeof(*to->pages));
	memcpy(to->hashes, from->hashes, pages * sizeof(*to->hashes));
	to->len = from->len;
}

/* A page to be written to. */
static uint8_t *own_page(struct image *image, uint64_t i)
{
	uint8_t *own = image->room + i * IMAGE_PAGE;

	if (image->pages[i] != own)
		memcpy(own, image->pages[i], IMAGE_PAGE);
	image->pages[i] = own;
	image->hashes[i] = 0;
	return own;
}

void image_resize(struct image *image, uint64_t len)
{
	if (len > IMAGE_ROOM)
		die("a file of %llu bytes is more than an image holds", (unsigned long long)len);
	if (len < image->len && len % IMAGE_PAGE)
		memset(own_page(image, len / IMAGE_PAGE) + len % IMAGE_PAGE, 0,
		       IMAGE_PAGE - len % IMAGE_PAGE);
	for (uint64_t i = pages_of(image->len); i < pages_of(len); i++) {
		image->pages[i] = zeros;
		image->hashes[i] = 0;
	}
	image->len = len;
}

void image_write(struct image *image, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *from = data;

	if (offset + len > IMAGE_ROOM)
		die("a write at %llu is more than an image holds", (unsigned long long)offset);
	if (offset + len > image->len)
		image_resize(image, offset + len);
	while (len) {
		size_t n = (size_t)MIN(len, IMAGE_PAGE - offset % IMAGE_PAGE);
		uint8_t *own = image->room + offset / IMAGE_PAGE * IMAGE_PAGE;

		if (n == IMAGE_PAGE) /* all of it: nothing to be kept */
			image->pages[offset / IMAGE_PAGE] = own;
		memcpy(own_page(image, offset / IMAGE_PAGE) + offset % IMAGE_PAGE, from, n);
		from += n;
		offset += n;
		len -= n;
	}
}

void image_read(const struct image *image, uint64_t offset, void *ret, size_t len)
{
	uint8_t *to = ret;

	if (offset + len > image->len)
		die("reading behind the end of an image");
	while (len) {
		size_t n = (size_t)MIN(len, IMAGE_PAGE - offset % IMAGE_PAGE);

		memcpy(to, image->pages[offset / IMAGE_PAGE] + offset % IMAGE_PAGE, n);
		to += n;
		offset += n;
		len -= n;
	}
}

/* musl's memcmp(3) goes byte by byte, and this is where the time would go. */
size_t image_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;

	while (at + 4 * sizeof(uint64_t) <= len) {
		uint64_t x[4], y[4];

		memcpy(x, a + at, sizeof(x));
		memcpy(y, b + at, sizeof(y));
		if ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]))
			break;
		at += sizeof(x);
	}
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

static bool is_page(const uint8_t *a, const uint8_t *b)
{
	return a == b || image_same(a, b, IMAGE_PAGE) == IMAGE_PAGE;
}

/* --- hashes ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 29);
}

/* Never 0. */
static uint64_t page_hash(const uint8_t *page)
{
	uint64_t a = 1, b = 2, c = 3, d = 4, words[4];

	for (size_t at = 0; at < IMAGE_PAGE; at += sizeof(words)) {
		memcpy(words, page + at, sizeof(words));
		a = mix(a, words[0]);
		b = mix(b, words[1]);
		c = mix(c, words[2]);
		d = mix(d, words[3]);
	}
	return mix(mix(mix(a, b), c), d) | 1;
}

uint64_t image_hash(struct image *image)
{
	uint64_t hash = mix(1, image->len);

	for (uint64_t i = 0; i < pages_of(image->len); i++) {
		if (!image->hashes[i])
			image->hashes[i] = page_hash(image->pages[i]);
		hash += mix(mix(2, i), image->hashes[i]);
	}
	return hash;
}

/* --- as files --------------------------------------------------------------------------------- */

/* Mappings of a machine's large files are kept: mapping them anew for each look would cost more
 * than the look. */
static struct kept {
	struct view view;
	dev_t dev;
	ino_t ino;
} kept[4];
static size_t kept_next;

#define KEPT_LEAST (4 * MIB)

void view_done(struct view *view)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (view->data == kept[i].view.data)
			return;
	}
	if (view->data)
		munmap(view->data, view->len);
}

static struct view map(int fd, const char *path, uint64_t len)
{
	struct view view = { NULL, len };

	if (!len)
		return view;
	view.data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (view.data == MAP_FAILED)
		die("%s can't be mapped: %s", path, strerror(errno));
	return view;
}

struct view view_of(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	struct kept *slot;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s: %s", path, strerror(errno));
	if ((uint64_t)st.st_size < KEPT_LEAST)
		return map(fd, path, (uint64_t)st.st_size);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (kept[i].ino == st.st_ino && kept[i].dev == st.st_dev &&
		    kept[i].view.len == (uint64_t)st.st_size)
			return kept[i].view;
	}
	slot = &kept[kept_next++ % ARRAY_SIZE(kept)];
	if (slot->view.data)
		munmap(slot->view.data, slot->view.len);
	*slot = (struct kept){ map(fd, path, (uint64_t)st.st_size), st.st_dev, st.st_ino };
	return slot->view;
}

uint64_t image_hash_file(const char *path)
{
	CLEANUP_VIEW struct view view = view_of(path);
	uint64_t hash = mix(1, view.len);

	for (uint64_t i = 0; i < pages_of(view.len); i++)
		hash += mix(mix(2, i), page_hash(view.data + i * IMAGE_PAGE));
	return hash;
}

void image_load(struct image *image, const char *path)
{
	CLEANUP_VIEW struct view view = view_of(path);

	image_resize(image, 0);
	image_resize(image, view.len);
	for (uint64_t i = 0; i < pages_of(view.len); i++) {
		if (!is_page(view.data + i * IMAGE_PAGE, zeros))
			memcpy(own_page(image, i), view.data + i * IMAGE_PAGE, IMAGE_PAGE);
	}
}

bool image_is_stored(const struct image *image, const char *path)
{
	CLEANUP_VIEW struct view view = view_of(path);

	if (view.len != image->len)
		return false;
	for (uint64_t i = 0; i < pages_of(view.len); i++) {
		if (!is_page(view.data + i * IMAGE_PAGE, image->pages[i]))
			return false;
	}
	return true;
}

static void make_file(const char *path, uint64_t len)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    ((uint64_t)st.st_size != len && ftruncate(fd, (off_t)len) < 0))
		die("%s: %s", path, strerror(errno));
}

void image_store(const struct image *image, const char *path)
{
	CLEANUP_VIEW struct view view = { NULL, 0 };

	make_file(path, image->len);
	view = view_of(path);
	for (uint64_t i = 0; i < pages_of(view.len); i++) {
		if (!is_page(view.data + i * IMAGE_PAGE, image->pages[i]))
			memcpy(view.data + i * IMAGE_PAGE, image->pages[i], IMAGE_PAGE);
	}
}
