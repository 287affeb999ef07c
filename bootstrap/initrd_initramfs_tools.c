/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * initramfs-tools: update-initramfs makes images, lsinitramfs -l shows what is in them.
 */
#include "bootstrap/initrd.h"

#include "bootstrap/intent.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "common/tree.h"

#include <errno.h>
#include <string.h>

/* Where it puts an image together: what a power cut leaves there goes at the next time, or with
 * the rest of our state. In /var/tmp nobody would remove it. */
#define SCRATCH STATE_DIR "/images"

static int rebuild(void)
{
	static const char *const scratch[] = { "TMPDIR=" SCRATCH, NULL };
	struct spawn update = { .argv = { "update-initramfs", "-u", "-k", "all" },
				.extra_env = scratch,
				.timeout_s = 1800 };
	int r;

	r = tree_remove(SCRATCH);
	if (r == 0)
		r = file_mkdirs(SCRATCH, 0700);
	if (r == 0)
		r = spawn_run(&update);
	return r < 0 ? r : tree_remove(SCRATCH);
}

struct listing {
	const char *path;
	bool is_found, is_empty;
};

/* "-rwxr-xr-x   1 root     root        12345 Jan  1  1970 usr/bin/clevis" (cpio -tv); links end in
 * "name -> target". */
static int listing_line(const char *line, void *userdata)
{
	struct listing *listing = userdata;
	unsigned long long size = 0;
	char name[512] = "";
	char mode = 0;

	if (sscanf(line, "%c%*s %*u %*s %*s %llu %*s %*s %*s %511s", &mode, &size, name) != 3)
		return 0;
	if (strcmp(name, listing->path) != 0)
		return 0;
	listing->is_found = true;
	listing->is_empty = mode == '-' && size == 0;
	return 1;
}

static int look_for(const char *text, const char *path, struct listing *ret)
{
	int r;

	*ret = (struct listing){ .path = path };
	r = file_each_line(text, listing_line, ret);
	return r < 0 ? r : 0;
}

static int check(const char *kernel, const char *const *wanted, const char *const *unwanted)
{
	CLEANUP_FREE char *image = NULL, *text = NULL;
	struct listing listing;
	int r;

	r = text_format(&image, "/boot/initrd.img-%s", kernel);
	if (r < 0)
		return r;
	if (!file_exists(image)) {
		fail(-ENOENT, "%s does not exist", image);
		return 0;
	}
	struct spawn list = { .argv = { "lsinitramfs", "-l", image },
			      .timeout_s = 600,
			      .output_max_bytes = 4 * MIB };
	r = spawn_text(&list, &text);
	if (r < 0)
		return r;
	for (; *wanted; wanted++) {
		r = look_for(text, *wanted, &listing);
		if (r < 0)
			return r;
		if (!listing.is_found || listing.is_empty) {
			fail(-EINVAL, "%s lacks %s", image, *wanted);
			return 0;
		}
	}
	for (; *unwanted; unwanted++) {
		r = look_for(text, *unwanted, &listing);
		if (r < 0)
			return r;
		if (listing.is_found) {
			fail(-EINVAL, "%s still holds %s", image, *unwanted);
			return 0;
		}
	}
	return 1;
}

static const struct initrd initramfs_tools = { "initramfs-tools", rebuild, check };

int initrd_find(enum initrd_kind kind, const struct initrd **ret)
{
	static const struct initrd *const rows[] = { [INITRD_INITRAMFS_TOOLS] = &initramfs_tools };

	if (kind >= ARRAY_SIZE(rows) || !rows[kind])
		return fail(-EOPNOTSUPP, "this machine's initramfs generator is not supported yet: "
					 "use a Debian image "
					 "with initramfs-tools");
	*ret = rows[kind];
	return 0;
}

int initrd_check_all(const struct facts *facts, const char *const *wanted,
		     const char *const *unwanted)
{
	const struct initrd *initrd = NULL;
	int r;

	r = initrd_find(facts->initrd, &initrd);
	if (r < 0)
		return r;
	if (!facts->kernel_count)
		return fail(-ENOENT, "no kernel was found in /boot");
	for (size_t i = 0; i < facts->kernel_count; i++) {
		r = initrd->check(facts->kernels[i], wanted, unwanted);
		if (r != 1)
			return r;
	}
	return 1;
}

int initrd_rebuild_all(const struct facts *facts, const char *const *wanted,
		       const char *const *unwanted)
{
	const struct initrd *initrd = NULL;
	int r;

	r = initrd_find(facts->initrd, &initrd);
	if (r < 0)
		return r;
	r = initrd->rebuild();
	if (r < 0)
		return r;
	r = initrd_check_all(facts, wanted, unwanted);
	if (r == 0)
		return fail_at(-EIO, "the new initramfs is not as it must be");
	return r < 0 ? r : 0;
}
