/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of dumpe2fs, made here group by group: what counts as data, what as metadata, and where
 * the smallest size is.
 * UNIT_SOURCES: bootstrap/fs_ext4_layout.c bootstrap/fs_ext4_parse.c
 */
#include "bootstrap/fs_ext4_parse.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

#define CLEANUP_LAYOUT CLEANUP(ext4_layout_done)
#define GROUPS 8
#define GROUP_BYTES (128 * MIB)
#define BLOCKS 32768

/* One filesystem of 4 KiB blocks; the metadata of all groups lies at the head of group 0. */
struct model {
	const char *features;
	unsigned used_to[GROUPS];  /* blocks in use from the group's first one on, metadata included
				    */
	unsigned used_at[GROUPS];  /* one more in use there; 0: none */
	unsigned inodes[GROUPS];   /* in use */
	unsigned table_at[GROUPS]; /* inode table elsewhere: absolute block; 0: in group 0 */
	unsigned backup_blocks[GROUPS];
};

static const struct model fresh = {
	"ext_attr extent 64bit flex_bg", { 6000 }, { 0 }, { 11 }, { 0 }, { 0 }
};

static void print_group(struct strbuf *out, const struct model *m, unsigned g)
{
	const unsigned first = g * BLOCKS, table = m->table_at[g] ? m->table_at[g] : 1000 + g * 512;
	const unsigned used = MAX(m->used_to[g], m->backup_blocks[g]);

	strbuf_addf(out, "Group %u: (Blocks %u-%u) csum 0x1234 [ITABLE_ZEROED]\n", g, first,
		    first + BLOCKS - 1);
	if (g == 0)
		strbuf_add(out, "  Primary superblock at 0, Group descriptors at 1-1\n  Reserved "
				"GDT blocks at 2-384\n");
	else if (m->backup_blocks[g])
		strbuf_addf(out, "  Backup superblock at %u, Group descriptors at %u-%u\n", first,
			    first + 1, first + m->backup_blocks[g] - 1);
	strbuf_addf(out, "  Block bitmap at %u (bg #0 + %u), csum 0x00000000\n", 385 + g, 385 + g);
	strbuf_addf(out, "  Inode bitmap at %u (bg #0 + %u), csum 0x00000000\n", 401 + g, 401 + g);
	strbuf_addf(out, "  Inode table at %u-%u (bg #0 + 1)\n", table, table + 511);
	strbuf_addf(
		out,
		"  9 free blocks, 9 free inodes, 0 directories, 9 unused inodes\n  Free blocks: ");
	if (m->used_at[g])
		strbuf_addf(out, "%u-%u, %u-%u\n", first + used, first + m->used_at[g] - 1,
			    first + m->used_at[g] + 1, first + BLOCKS - 1);
	else if (used < BLOCKS)
		strbuf_addf(out, "%u-%u\n", first + used, first + BLOCKS - 1);
	else
		strbuf_add(out, "\n");
	strbuf_addf(out, "  Free inodes: %u-%u\n", g * 8192 + 1 + m->inodes[g], (g + 1) * 8192);
}

static void print_model(const struct model *m, char **ret)
{
	struct strbuf out = STRBUF_EMPTY;

	strbuf_addf(&out,
		    "Filesystem volume name:   <none>\nFilesystem features:      %s\nBlock count:  "
		    "            %u\n"
		    "Free blocks:              200000\nFirst block:              0\nBlock size:    "
		    "           4096\n"
		    "Blocks per group:         32768\nInodes per group:         8192\nInode blocks "
		    "per group:   512\n"
		    "Journal features:         (none)\n\n\n",
		    m->features, GROUPS * BLOCKS);
	for (unsigned g = 0; g < GROUPS; g++)
		print_group(&out, m, g);
	assert_int_equal(strbuf_take(&out, ret), 0);
}

static uint64_t unmoved(const struct model *m)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	CLEANUP_FREE char *text = NULL;
	uint64_t bytes = 0;

	print_model(m, &text);
	if (ext4_layout_parse(text, strlen(text), &layout) < 0 ||
	    ext4_layout_unmoved_bytes(&layout, &bytes) < 0)
		fail_msg("%s", fail_text());
	return bytes;
}

static void test_fields(void **state)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	CLEANUP_FREE char *text = NULL;

	(void)state;
	print_model(&fresh, &text);
	assert_int_equal(ext4_layout_parse(text, strlen(text), &layout), 0);
	assert_int_equal(layout.block_bytes, 4096);
	assert_int_equal(layout.block_count, GROUPS * BLOCKS);
	assert_int_equal(layout.group_count, GROUPS);
	assert_int_equal(layout.free_blocks, 200000);
	assert_int_equal(layout.end_of_data_block, 6000);
	assert_int_equal(layout.end_of_inode_group, 1);
	assert_int_equal(layout.overhead_blocks, 3 + 512 + 1 + 383);
}

static void test_unmoved(void **state)
{
	struct model m = fresh;

	(void)state;
	assert_int_equal(unmoved(&m), GROUP_BYTES);
	m.used_at[3] = 20000; /* one block of a file */
	assert_int_equal(unmoved(&m), 4 * GROUP_BYTES);
	m = fresh;
	m.inodes[5] = 1; /* one inode without a block */
	assert_int_equal(unmoved(&m), 6 * GROUP_BYTES);
	m = fresh;
	m.backup_blocks[7] =
		385; /* a superblock copy of a group that would be dropped: metadata, not data */
	assert_int_equal(unmoved(&m), GROUP_BYTES);
	m.used_at[7] = 386 + 1; /* but not the block behind it */
	assert_int_equal(unmoved(&m), 8 * GROUP_BYTES);
	m = fresh;
	m.used_to[GROUPS - 1] = BLOCKS; /* full to the end */
	assert_int_equal(unmoved(&m), 8 * GROUP_BYTES);
}

static void test_metadata_of_kept_groups(void **state)
{
	struct model m = fresh;

	(void)state;
	m.inodes[1] = 5;
	m.table_at[1] = 4 * BLOCKS; /* group 1 stays, and so must its inode table in group 4 */
	m.used_to[4] = 512;
	assert_int_equal(unmoved(&m), 5 * GROUP_BYTES);
	m = fresh;
	m.table_at[6] = 4 * BLOCKS; /* group 6 goes, and its table with it */
	m.used_to[4] = 512;
	assert_int_equal(unmoved(&m), GROUP_BYTES);
	m.used_to[4] = 513;
	assert_int_equal(unmoved(&m), 5 * GROUP_BYTES);
}

static void test_exact(void **state)
{
	CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
	CLEANUP_FREE char *text = NULL;

	(void)state;
	print_model(&fresh, &text);
	assert_int_equal(ext4_layout_parse(text, strlen(text), &layout), 0);
	assert_true(ext4_layout_is_exact(&layout, 2 * GROUP_BYTES));
	assert_false(ext4_layout_is_exact(&layout,
					  2 * GROUP_BYTES + MIB)); /* a last group without room */
	assert_true(ext4_layout_is_exact(&layout, 2 * GROUP_BYTES + 8 * MIB));
	assert_false(ext4_layout_is_exact(&layout, 2 * GROUP_BYTES + 8 * MIB + 512));
	assert_false(ext4_layout_is_exact(&layout, 9 * GROUP_BYTES)); /* that would be growing */
	assert_false(ext4_layout_is_unmoved(&layout, 0));
}

static void test_obstacles(void **state)
{
	static const char *const features[] = { "extent meta_bg", "bigalloc 64bit",
						"sparse_super2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		CLEANUP_LAYOUT struct ext4_layout layout = { 0 };
		CLEANUP_FREE char *text = NULL;
		struct model m = fresh;
		uint64_t bytes = 0;

		m.features = features[i];
		print_model(&m, &text);
		assert_int_equal(ext4_layout_parse(text, strlen(text), &layout), 0);
		assert_true(ext4_layout_unmoved_bytes(&layout, &bytes) < 0);
	}
}

/* Cut anywhere, or with one line missing: refused, or the same numbers; never less than what is in
 * use. */
static void test_damaged(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct model m = fresh;
	size_t len, refused = 0;

	(void)state;
	m.used_at[3] = 20000;
	print_model(&m, &text);
	len = strlen(text);
	for (size_t cut = 0; cut < len; cut++) {
		struct ext4_layout layout;

		if (ext4_layout_parse(text, cut, &layout) < 0)
			refused++;
		else if (layout.group_count && layout.group_count != GROUPS)
			fail_msg("cut at %zu: %llu groups", cut,
				 (unsigned long long)layout.group_count);
		ext4_layout_done(&layout);
	}
	assert_true(refused > len / 2);
	assert_int_equal(strncmp(strstr(text, "Group 4:"), "Group 4:", 8), 0);
	strstr(text, "Group 4:")[6] = '5';
	struct ext4_layout layout;

	assert_true(ext4_layout_parse(text, len, &layout) < 0);
	ext4_layout_done(&layout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_unmoved),
		cmocka_unit_test(test_metadata_of_kept_groups),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_obstacles),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
