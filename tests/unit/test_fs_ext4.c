/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shrinking of real ext4 filesystems in files by the real tools: the size that fs_ext4 names as the
 * smallest without moving anything is tried with resize2fs; then every inode has the same blocks as
 * before and e2fsck finds nothing. UNIT_SOURCES: bootstrap/fs.c bootstrap/fs_ext4.c
 * bootstrap/fs_ext4_layout.c bootstrap/fs_ext4_parse.c bootstrap/fs_ext4_superblock.c
 * bootstrap/region.c bootstrap/spawn*.c bootstrap/view*.c
 */
#include "bootstrap/fs.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

static char folder[] = "/tmp/panocrypt-ext4-XXXXXX";
static char image[64];

static int sh(const char *format, ...) PRINTF_LIKE(1, 2);
static int sh(const char *format, ...)
{
	char script[2048];
	struct spawn shell = { .argv = { "sh", "-euc", script } };
	va_list args;
	int r;

	va_start(args, format);
	vsnprintf(script, sizeof(script), format, args);
	va_end(args);
	r = spawn_run(&shell);
	if (r < 0)
		print_error("%s\n", fail_text());
	return r;
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(image, sizeof(image), "%s/fs.img", folder);
	return sh("mkdir %s/tree; cd %s/tree; for d in 1 2 3 4 5 6 7 8; do mkdir dir$d; "
		  "for f in 1 2 3 4 5 6; do head -c $(($d * $f * 20000)) /dev/urandom "
		  ">dir$d/file$f; done; done; "
		  "ln -s dir1/file1 link; mkfifo fifo",
		  folder, folder);
}

static int remove_folder(void **state)
{
	(void)state;
	return sh("rm -rf %s", folder);
}

/* Where the blocks of each of the first inodes are; 7 is the resize inode, whose map follows the
 * size. */
static void block_map(char **ret)
{
	char commands[80];
	struct spawn debugfs = { .argv = { "debugfs", "-f", commands, image },
				 .output_max_bytes = 16 * MIB,
				 .is_quiet = true };

	snprintf(commands, sizeof(commands), "%s/commands", folder);
	assert_int_equal(spawn_text(&debugfs, ret), 0);
	assert_true(strlen(*ret) > 5000);
}

struct make {
	const char *name, *mke2fs; /* options and, behind the image's name, a size */
	const char *size;
	const char *then; /* shell; $1 is the image */
	bool is_cut_expected;
};

static const struct make makes[] = {
	{ "as Debian makes it", "-t ext4", "3G", "true", true },
	{ "grown like a cloud image", "-t ext4", "500M", "truncate -s 4G $1; resize2fs -f $1",
	  true },
	{ "grown twice", "-t ext4", "300M",
	  "truncate -s 900M $1; resize2fs -f $1; truncate -s 7G $1; resize2fs -f $1", true },
	{ "odd size", "-t ext4", "2047M", "true", true },
	{ "1 KiB blocks", "-t ext4 -b 1024", "400M", "true", true },
	{ "2 KiB blocks", "-t ext4 -b 2048", "900M", "true", true },
	{ "no flex_bg", "-t ext4 -O ^flex_bg", "2G", "true", true },
	{ "no 64bit, no checksums", "-t ext4 -O ^64bit,^metadata_csum", "2G", "true", true },
	{ "no resize inode", "-t ext4 -O ^resize_inode", "2G", "true", true },
	{ "small flex groups", "-t ext4 -G 4", "3G", "true", true },
	{ "many inodes", "-t ext4 -i 4096", "2G", "true", true },
	{ "with quota", "-t ext4 -O quota", "2G", "true", true },
	{ "ext2 inside", "-t ext4 -O ^has_journal,^extent,^64bit", "1G", "true", true },
	{ "one group", "-t ext4 -b 4096", "100M", "true", false },
	{ "more than half full", "-t ext4", "1G",
	  "debugfs -w -R 'write /dev/null big' $1; "
	  "debugfs -w -R 'fallocate /big 0 153599' $1; e2fsck -fp $1 || true",
	  true },
	{ "a block at the very end", "-t ext4", "1G",
	  "debugfs -w -R 'setb 262143 1' $1; e2fsck -fy $1 || true; "
	  "debugfs -w -R 'setb 262143 1' $1",
	  false },
};

static int make_image(const struct make *make)
{
	return sh("rm -f %s; truncate -s %s %s; mke2fs -q -F %s -d %s/tree %s; set -- %s; %s; "
		  "rm -f %s/commands; i=1; while [ $i -lt 120 ]; do [ $i = 7 ] || echo \"blocks "
		  "<$i>\"; i=$((i+1)); done "
		  ">%s/commands",
		  image, make->size, image, make->mke2fs, folder, image, image, make->then, folder,
		  folder);
}

static void assert_clean(const char *when)
{
	if (sh("e2fsck -fn %s", image) < 0)
		fail_msg("not clean %s", when);
}

static void shrink_and_compare(const struct fs *fs, uint64_t size)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	uint64_t now = 0, used = 0;
	int r;

	block_map(&before);
	r = fs->shrink(image, NULL, size);
	if (r < 0)
		fail_msg("shrink: %s", fail_text());
	block_map(&after);
	assert_string_equal(before, after);
	assert_clean("after the shrink");
	assert_int_equal(fs->size_bytes(image, NULL, &now, &used), 0);
	assert_int_equal(now, size);
	assert_true(used < now);
}

static void try_make(const struct fs *fs, const struct make *make)
{
	uint64_t unmoved = 0, before = 0, used = 0;

	print_message("%s\n", make->name);
	assert_int_equal(make_image(make), 0);
	if (make->is_cut_expected)
		assert_int_equal(fs->check(image, NULL), 0);
	assert_int_equal(fs->size_bytes(image, NULL, &before, &used), 0);
	assert_int_equal(fs->unmoved_bytes(image, NULL, &unmoved), 0);
	if (!make->is_cut_expected) {
		assert_int_equal(unmoved, before);
		return;
	}
	assert_true(unmoved < before);
	assert_int_equal(unmoved % MIB, 0);
	shrink_and_compare(fs, unmoved);
	assert_int_equal(fs->grow(image), 0);
	assert_clean("after growing back");
}

static void test_unmoved(void **state)
{
	const struct fs *fs = NULL;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	for (size_t i = 0; i < ARRAY_SIZE(makes); i++)
		try_make(fs, &makes[i]);
}

/* The payload follows what is in a filesystem, not the disk that it was grown to. */
static void test_used_is_what_is_in_it(void **state)
{
	const struct make plain = {
		.name = "plain", .size = "1G", .mke2fs = "-b 4096", .then = ":"
	};
	const struct fs *fs = NULL;
	uint64_t size = 0, small = 0, large = 0;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	assert_int_equal(make_image(&plain), 0);
	assert_int_equal(fs->size_bytes(image, NULL, &size, &small), 0);
	assert_int_equal(sh("truncate -s 32G %s", image), 0);
	assert_int_equal(fs->check(image, NULL), 0);
	assert_int_equal(fs->grow(image), 0);
	assert_int_equal(fs->size_bytes(image, NULL, &size, &large), 0);
	assert_int_equal(size, 32 * GIB);
	assert_in_range(large, small, small + 8 * MIB);
}

/* Below that size something moves: the comparison above sees it, and the size isn't needlessly
 * large. */
static void test_below_moves(void **state)
{
	const struct fs *fs = NULL;
	CLEANUP_FREE char *before = NULL, *after = NULL;
	uint64_t unmoved = 0, below = 0;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	assert_int_equal(make_image(&makes[0]), 0);
	assert_int_equal(fs->check(image, NULL), 0);
	assert_int_equal(fs->unmoved_bytes(image, NULL, &unmoved), 0);
	assert_int_equal(fs->fit_bytes(image, NULL, unmoved - 128 * MIB, &below), 0);
	block_map(&before);
	assert_int_equal(fs->shrink(image, NULL, below), 0);
	block_map(&after);
	assert_string_not_equal(before, after);
}

/* A size anywhere above the smallest one: fit_bytes() makes it exact, and resize2fs agrees. */
static void test_fit(void **state)
{
	const struct fs *fs = NULL;
	uint64_t fit = 0, unmoved = 0;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	for (uint64_t most = 3 * GIB - 5 * MIB; most > 2 * GIB; most -= 129 * MIB + 12345) {
		assert_int_equal(make_image(&makes[0]), 0);
		assert_int_equal(fs->check(image, NULL), 0);
		assert_int_equal(fs->unmoved_bytes(image, NULL, &unmoved), 0);
		assert_int_equal(fs->fit_bytes(image, NULL, most, &fit), 0);
		assert_true(fit <= most && fit + 16 * MIB > most && fit >= unmoved);
		shrink_and_compare(fs, fit);
	}
	assert_true(fs->fit_bytes(image, NULL, 1000, &fit) < 0);
}

/* A machine that crashed: the journal holds the superblock, with the size from before, as it would
 * after a power cut. */
static void test_journal_is_replayed_before_the_cut(void **state)
{
	const struct fs *fs = NULL;
	uint64_t size = 0, used = 0;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	assert_int_equal(sh("rm -f %s; truncate -s 1G %s; mke2fs -q -F -t ext4 -b 4096 %s; "
			    "dd if=%s of=%s/block count=1 bs=4096 status=none; "
			    "printf 'jo\\njw -b 0 %s/block\\njc\\n' >%s/jobs; "
			    "debugfs -w -f %s/jobs %s >/dev/null 2>&1; "
			    "dumpe2fs -h %s 2>/dev/null | grep -q needs_recovery",
			    image, image, image, image, folder, folder, folder, folder, image,
			    image),
			 0);
	assert_int_equal(fs->check(image, NULL), 0);
	assert_int_equal(fs->shrink(image, NULL, 512 * MIB), 0);
	assert_int_equal(sh("e2fsck -f -p %s >/dev/null || [ $? = 1 ]", image), 0);
	assert_int_equal(fs->size_bytes(image, NULL, &size, &used), 0);
	assert_int_equal(size, 512 * MIB);
}

/* A cut has torn the commit block of the journal (of 4 KiB, the second one behind its descriptor):
 * the kernel refuses to mount that. The check drops the transaction, which was never committed. */
static void test_torn_commit_is_dropped(void **state)
{
	const struct fs *fs = NULL;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	assert_int_equal(
		sh("rm -f %s; truncate -s 64M %s; mke2fs -q -F -t ext4 -b 4096 %s; "
		   "yes new | head -c 4096 >%s/block; "
		   "printf 'jo -c -v 3\njw -b 9000 %s/block\njc\n' >%s/jobs; "
		   "debugfs -w -f %s/jobs %s >/dev/null 2>&1; "
		   "at=$(debugfs -R 'bmap <8> 3' %s 2>/dev/null); "
		   "debugfs -R 'logdump -S' %s 2>/dev/null | grep -q '(commit block) at block 3'; "
		   "printf torn | dd of=%s bs=1 seek=$(($at * 4096 + 2000)) conv=notrunc "
		   "status=none",
		   image, image, image, folder, folder, folder, folder, image, image, image, image),
		0);
	assert_int_equal(fs->check(image, NULL), 0);
	assert_int_equal(sh("! dumpe2fs -h %s 2>/dev/null | grep -q needs_recovery; "
			    "e2fsck -f -n %s >/dev/null; "
			    "! dd if=%s bs=4096 skip=9000 count=1 status=none | grep -q new",
			    image, image, image),
			 0);
}

/* A cut between the superblock's two sectors, as old and new could stand there: each way round,
 * with blocks of each size. e2fsck alone gives up. */
static void test_torn_superblock_is_mended(void **state)
{
	static const char uuid[] = "11111111-2222-4333-8444-555555555555";
	static const unsigned blocks[] = { 1024, 2048, 4096 };
	const struct fs *fs = NULL;

	(void)state;
	assert_int_equal(fs_find("ext4", &fs), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(blocks); i++) {
		assert_int_equal(
			sh("rm -f %s; truncate -s 64M %s; mke2fs -q -F -t ext4 -b %u -U %s %s; "
			   "cp %s %s/new; debugfs -w -R \"mkdir new\" %s/new 2>/dev/null; "
			   "debugfs -w -R \"feature needs_recovery\" %s/new >/dev/null 2>&1; "
			   "dd if=%s/new of=%s bs=512 skip=%d seek=%d count=1 conv=notrunc "
			   "status=none; "
			   "! e2fsck -f -p %s >/dev/null 2>&1",
			   image, image, blocks[i / 2], uuid, image, image, folder, folder, folder,
			   folder, image, 2 + (int)(i % 2), 2 + (int)(i % 2), image),
			0);
		assert_true(fs->mend(image, "11111111-2222-4333-8444-555555555556") < 0);
		assert_int_equal(sh("! dumpe2fs -h %s >/dev/null 2>&1", image), 0);
		assert_int_equal(fs->mend(image, uuid), 0);
		assert_int_equal(fs->check(image, NULL), 0);
		assert_int_equal(sh("e2fsck -f -n %s >/dev/null", image), 0);
		assert_true(fs->mend(image, uuid) < 0); /* nothing is torn */
	}
}

static void test_not_ours(void **state)
{
	const struct fs *fs = NULL;
	uint64_t size = 0;

	(void)state;
	assert_true(fs_find("xfs", &fs) < 0);
	assert_true(fs_find("", &fs) < 0);
	assert_int_equal(fs_find("ext4", &fs), 0);
	assert_int_equal(sh("head -c 1000000 /dev/urandom >%s", image), 0);
	assert_true(fs->unmoved_bytes(image, NULL, &size) < 0);
	assert_true(fs->check(image, NULL) < 0);
	assert_int_equal(sh("rm -f %s; truncate -s 1G %s; mke2fs -q -F -t ext4 -O bigalloc %s",
			    image, image, image),
			 0);
	assert_true(fs->unmoved_bytes(image, NULL, &size) < 0);
	assert_non_null(strstr(fail_text(), "bigalloc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unmoved),
		cmocka_unit_test(test_used_is_what_is_in_it),
		cmocka_unit_test(test_below_moves),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_journal_is_replayed_before_the_cut),
		cmocka_unit_test(test_torn_commit_is_dropped),
		cmocka_unit_test(test_torn_superblock_is_mended),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
