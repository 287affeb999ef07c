/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ext4 by e2fsprogs: e2fsck, dumpe2fs, resize2fs. Every size is asked of the filesystem again after
 * a change: resize2fs may make it smaller than it was told. A cut is made in a view (boot_cut.c):
 * resize2fs itself keeps no order that a power cut would leave whole.
 */
#include "bootstrap/fs_ext4.h"

#include "bootstrap/fs_ext4_parse.h"
#include "bootstrap/fs_ext4_superblock.h"
#include "bootstrap/region.h"
#include "bootstrap/view.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHECK_TIMEOUT_S 3600
#define DUMP_MAX_BYTES (64 * MIB) /* a badly fragmented filesystem of some TiB */
#define HEADER_MAX_BYTES (64 * KIB)
#define SUPERBLOCK_ROOM 4096 /* at the device's beginning; a sector of any device */

#define CLEANUP_LAYOUT CLEANUP(ext4_layout_done)

/* For programs that only read: an empty view is the device, without the detour. */
static struct spawn_watch *reading(struct view *view)
{
	return view && view_count(view) ? view_watch(view) : NULL;
}

static int read_layout(const char *device, struct view *view, bool with_groups,
		       struct ext4_layout *ret)
{
	struct spawn whole = { .argv = { "dumpe2fs", device },
			       .watch = reading(view),
			       .output_max_bytes = DUMP_MAX_BYTES };
	struct spawn head = { .argv = { "dumpe2fs", "-h", device },
			      .watch = whole.watch,
			      .output_max_bytes = HEADER_MAX_BYTES };
	CLEANUP_FREE char *text = NULL;
	int r = spawn_text(with_groups ? &whole : &head, &text);

	if (r < 0)
		return r;
	return ext4_layout_parse(text, strlen(text), ret);
}

/* After a crash the journal is newer than the filesystem: a check that only looks passes over it,
 * and a filesystem that was cut like this would get its old superblock back when somebody mounts
 * it. */
static int has_journal(const char *device, struct view *view, bool *ret)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	int r = read_layout(device, view, false, &layout);

	*ret = layout.has_journal_to_replay;
	return r;
}

/* e2fsck(8): 0 clean, 1 repaired; from 2 on something is left, or a reboot would be needed. It
 * looks first: even with nothing to repair, -p writes to the superblock in pieces that a cut can
 * tear. */
static int check(const char *device, struct view *view)
{
	struct spawn look = { .argv = { "e2fsck", "-f", "-n", device },
			      .watch = reading(view),
			      .timeout_s = CHECK_TIMEOUT_S };
	int status = spawn_status(&look);
	bool is_replay_due = false;
	int r = status == 0 ? has_journal(device, view, &is_replay_due) : 0;

	if (r < 0)
		return r;
	if (status > 0 || is_replay_due) {
		struct spawn repair = { .argv = { "e2fsck", "-f", "-p", device },
					.watch = view_watch(view),
					.timeout_s = CHECK_TIMEOUT_S };

		status = spawn_status(&repair);
	}
	if (status < 0)
		return status;
	if (status > 1)
		return fail(-EUCLEAN,
			    "fs-damaged: e2fsck can't repair the filesystem on %s without "
			    "questions (exit status %d): "
			    "repair it with \"e2fsck -f\" from a rescue system and run again",
			    device, status);
	return 0;
}

/* Neither our libblkid nor the kernel takes a superblock whose checksum is wrong, e2fsck -p doesn't
 * either, and e2fsck itself writes it in pieces. All that differs between its two sectors are
 * numbers that a check counts anew; that a journal is to be replayed is in the first one. The other
 * copies on the disk don't say that. */
static int mend(const char *device, const char *uuid)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_FREE uint8_t *block = NULL;
	void *room = NULL;
	int r = region_open(device, O_RDWR | O_EXCL, &fd);

	if (r < 0)
		return r;
	if (posix_memalign(&room, SUPERBLOCK_ROOM, SUPERBLOCK_ROOM) != 0)
		return -ENOMEM;
	block = room;
	r = region_read(fd, block, 0, SUPERBLOCK_ROOM);
	if (r == 0 && !ext4_superblock_mend(block + EXT4_SUPERBLOCK_OFFSET, uuid))
		r = fail(-EUCLEAN, "%s has no torn superblock of the filesystem %s", device, uuid);
	if (r == 0)
		r = region_write(fd, block, 0, SUPERBLOCK_ROOM);
	return r < 0 ? r : region_flush(fd);
}

static int unmoved_bytes(const char *device, struct view *view, uint64_t *ret)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	int r = read_layout(device, view, true, &layout);

	return r < 0 ? r : ext4_layout_unmoved_bytes(&layout, ret);
}

static int least_bytes(const char *device, struct view *view, uint64_t *ret)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	int r = read_layout(device, view, true, &layout);

	return r < 0 ? r : ext4_layout_least_bytes(&layout, ret);
}

static int fit_bytes(const char *device, struct view *view, uint64_t most_bytes, uint64_t *ret)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	uint64_t size;
	int r = read_layout(device, view, true, &layout);

	if (r < 0)
		return r;
	size = MIN(most_bytes, layout.block_count * layout.block_bytes) / MIB * MIB;
	while (size && !ext4_layout_is_exact(&layout, size))
		size -= MIB;
	if (!size)
		return fail(-ENOSPC,
			    "too-little-space: no size up to %llu bytes suits the filesystem on %s",
			    (unsigned long long)most_bytes, device);
	*ret = size;
	return 0;
}

/* Inode tables grow with the filesystem, not with what is in it: a cut takes most of them away. */
static uint64_t used_blocks(const struct ext4_layout *layout)
{
	uint64_t per_group = MAX(layout->blocks_per_group, 1);
	uint64_t groups = (layout->block_count + per_group - 1) / per_group;
	uint64_t used = layout->block_count - layout->free_blocks;
	uint64_t tables = groups * layout->inode_blocks_per_group;

	return used - MIN(used, tables);
}

static int size_bytes(const char *device, struct view *view, uint64_t *ret_size, uint64_t *ret_used)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	int r = read_layout(device, view, false, &layout);

	if (r < 0)
		return r;
	*ret_size = layout.block_count * layout.block_bytes;
	*ret_used = used_blocks(&layout) * layout.block_bytes;
	return 0;
}

static int shrink(const char *device, struct view *view, uint64_t size)
{
	char sectors[32];
	/* -f: its own estimate of a minimum is up to the whole of a filesystem that is more than
	 * half full, though nothing would move. The caller has checked it, and knows better. */
	struct spawn resize = { .argv = { "resize2fs", "-f", device, sectors },
				.watch = view_watch(view),
				.timeout_s = CHECK_TIMEOUT_S };
	uint64_t now = 0, used = 0;
	int r;

	/* 512-byte sectors: its K, M, G would round to whole blocks for us, silently */
	snprintf(sectors, sizeof(sectors), "%llus", (unsigned long long)(size / SECTOR_BYTES));
	r = spawn_run(&resize);
	if (r < 0)
		return r;
	r = size_bytes(device, view, &now, &used);
	if (r < 0)
		return r;
	if (now != size)
		return fail(-EIO,
			    "resize2fs made the filesystem on %s %llu bytes, not %llu: run again",
			    device, (unsigned long long)now, (unsigned long long)size);
	return 0;
}

static int find_free(const char *device, uint64_t from, uint64_t to, uint64_t len, uint64_t *ret)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	int r = read_layout(device, NULL, true, &layout);

	if (r < 0)
		return r;
	for (uint64_t at = to / MIB * MIB; at >= from; at -= MIB) {
		if (at + len <= to && ext4_layout_is_free(&layout, at, len)) {
			*ret = at;
			return 0;
		}
		if (at < MIB)
			break;
	}
	return fail(-ENOSPC, "there is no free room of %llu bytes between %llu and %llu on %s",
		    (unsigned long long)len, (unsigned long long)from, (unsigned long long)to,
		    device);
}

/*
 * The kernel places files above mb_stream_req blocks behind the one before, so that a few hundred
 * MiB written and deleted again move on through the disk, and looks beyond mb_max_linear_groups
 * groups in no order of place. Both are in /sys/fs/ext4/<device> and are forgotten with the mount
 * (Linux, Documentation/ABI/testing/sysfs-fs-ext4; the second since 5.13).
 */
static int keep_low(const char *device, bool is_wanted)
{
	static const struct {
		const char *name, *low, *usual; /* fs/ext4/mballoc.h: MB_DEFAULT_… */
	} knobs[] = {
		{ "mb_stream_req", "1073741824", "16" },
		{ "mb_max_linear_groups", "1073741824", "4" },
	};
	const char *slash = strrchr(device, '/');

	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
		const char *text = is_wanted ? knobs[i].low : knobs[i].usual;
		CLEANUP_FREE char *path = NULL;
		CLEANUP_CLOSE int fd = -1;
		int r = text_format(&path, "/sys/fs/ext4/%s/%s", slash ? slash + 1 : device,
				    knobs[i].name);

		if (r < 0)
			return r;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return fail(-errno, "can't write %s: %m", path);
	}
	return 0;
}

static int grow(const char *device)
{
	struct spawn resize = { .argv = { "resize2fs", device }, .timeout_s = CHECK_TIMEOUT_S };

	return spawn_run(&resize);
}

const struct fs fs_ext4 = {
	.name = "ext4",
	.check = check,
	.mend = mend,
	.unmoved_bytes = unmoved_bytes,
	.least_bytes = least_bytes,
	.fit_bytes = fit_bytes,
	.size_bytes = size_bytes,
	.shrink = shrink,
	.find_free = find_free,
	.keep_low = keep_low,
	.grow = grow,
};
