/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fs_ext4_parse.h. The text comes from a tool that read a disk which somebody else may have
 * written: every number is checked before it is used, and the whole is refused if it isn't in the
 * order that dumpe2fs prints.
 */
#include "bootstrap/fs_ext4_parse.h"

#include "common/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX (UINT64_C(1) << 48) /* ext4's own limit */
#define GROUPS_MAX (UINT64_C(1) << 24)

struct text {
	const char *at, *end;
};

struct parser {
	struct ext4_layout *layout;
	uint64_t free_inodes; /* of the present group */
	uint64_t group_first, group_last;
	uint64_t descriptor_blocks, reserved_blocks;
};

static int range_add(struct ext4_ranges *ranges, struct ext4_range range)
{
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? ranges->room * 2 : 256;
		struct ext4_range *items = reallocarray(ranges->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		ranges->items = items;
		ranges->room = room;
	}
	ranges->items[ranges->count++] = range;
	return 0;
}

static bool take_line(struct text *rest, struct text *ret)
{
	const char *newline;

	if (rest->at >= rest->end)
		return false;
	newline = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
	ret->at = rest->at;
	ret->end = newline ? newline : rest->end;
	rest->at = newline ? newline + 1 : rest->end;
	return true;
}

static void skip_spaces(struct text *text)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\t'))
		text->at++;
}

static bool take_word(struct text *text, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len) != 0)
		return false;
	text->at += len;
	return true;
}

/* At most 15 digits: no overflow, and above every limit here. */
static bool take_number(struct text *text, uint64_t *ret)
{
	const char *start = text->at;
	uint64_t value = 0;

	while (text->at < text->end && *text->at >= '0' && *text->at <= '9' &&
	       text->at - start < 16)
		value = value * 10 + (uint64_t)(*text->at++ - '0');
	if (text->at == start || text->at - start > 15)
		return false;
	*ret = value;
	return true;
}

/* "12" or "12-34". */
static bool take_range(struct text *text, struct ext4_range *ret)
{
	if (!take_number(text, &ret->first))
		return false;
	ret->last = ret->first;
	if (take_word(text, "-") && !take_number(text, &ret->last))
		return false;
	return ret->last >= ret->first && ret->last < BLOCKS_MAX;
}

/* Moves text behind the first occurrence of word. */
static bool find_word(struct text *text, const char *word)
{
	const char *at = memmem(text->at, (size_t)(text->end - text->at), word, strlen(word));

	if (!at)
		return false;
	text->at = at + strlen(word);
	return true;
}

/* --- the superblock's part -------------------------------------------------------------------- */

static const struct {
	const char *label;
	size_t offset;
	uint64_t least, most;
} fields[] = {
	{ "Block count:", offsetof(struct ext4_layout, block_count), 1, BLOCKS_MAX },
	{ "Free blocks:", offsetof(struct ext4_layout, free_blocks), 0, BLOCKS_MAX },
	{ "First block:", offsetof(struct ext4_layout, first_block), 0, 1 },
	{ "Block size:", offsetof(struct ext4_layout, block_bytes), 1024, 65536 },
	{ "Blocks per group:", offsetof(struct ext4_layout, blocks_per_group), 8, 8 * 65536 },
	{ "Inodes per group:", offsetof(struct ext4_layout, inodes_per_group), 1, 8 * 65536 },
	{ "Inode blocks per group:", offsetof(struct ext4_layout, inode_blocks_per_group), 1,
	  8 * 65536 },
};

/* With these, blocks can move although they are below the cut, or metadata isn't where it is looked
 * for here. */
static const char *const obstacles[] = { "meta_bg", "bigalloc", "sparse_super2", "journal_dev" };

static void read_features(struct ext4_layout *layout, struct text line)
{
	struct text whole = line;

	layout->has_journal_to_replay = find_word(&whole, "needs_recovery");
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++) {
		struct text rest = line;

		if (find_word(&rest, obstacles[i]))
			snprintf(layout->obstacle, sizeof(layout->obstacle), "%s", obstacles[i]);
	}
}

static int read_field(struct parser *parser, struct text line)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct text rest = line;
		uint64_t value = 0;

		if (!take_word(&rest, fields[i].label))
			continue;
		skip_spaces(&rest);
		if (!take_number(&rest, &value) || value < fields[i].least ||
		    value > fields[i].most)
			return fail(-EINVAL, "dumpe2fs: \"%s\" has no sensible value",
				    fields[i].label);
		memcpy((char *)parser->layout + fields[i].offset, &value, sizeof(value));
		return 0;
	}
	if (take_word(&line, "Filesystem features:"))
		read_features(parser->layout, line);
	return 0;
}

static int check_fields(const struct ext4_layout *layout)
{
	if (!layout->block_count || !layout->block_bytes || !layout->blocks_per_group ||
	    !layout->inodes_per_group || !layout->inode_blocks_per_group)
		return fail(-EINVAL,
			    "dumpe2fs: the superblock's part of its output is not complete");
	if ((layout->block_bytes & (layout->block_bytes - 1)) ||
	    layout->first_block >= layout->block_count ||
	    layout->free_blocks > layout->block_count ||
	    (layout->block_count - layout->first_block) / layout->blocks_per_group >= GROUPS_MAX)
		return fail(-EINVAL, "dumpe2fs: the superblock contradicts itself");
	return 0;
}

/* --- the groups ------------------------------------------------------------------------------- */

static void end_group(const struct parser *parser)
{
	struct ext4_layout *layout = parser->layout;

	if (layout->group_count && parser->free_inodes < layout->inodes_per_group)
		layout->end_of_inode_group = layout->group_count;
}

/* "Group 7: (Blocks 229376-262143) csum 0x…" */
static int begin_group(struct parser *parser, struct text line)
{
	struct ext4_layout *layout = parser->layout;
	uint64_t number = 0, expected;
	struct ext4_range blocks;

	if (!layout->group_count) {
		int r = check_fields(layout);

		if (r < 0)
			return r;
	}
	expected = layout->first_block + layout->group_count * layout->blocks_per_group;
	if (!take_number(&line, &number) || !find_word(&line, "(Blocks ") ||
	    !take_range(&line, &blocks))
		return fail(-EINVAL, "dumpe2fs: group %llu can't be read",
			    (unsigned long long)layout->group_count);
	if (number != layout->group_count || blocks.first != expected ||
	    blocks.last >= layout->block_count ||
	    blocks.last - blocks.first >= layout->blocks_per_group)
		return fail(-EINVAL, "dumpe2fs: group %llu is not where it must be",
			    (unsigned long long)layout->group_count);
	end_group(parser);
	layout->group_count++;
	parser->free_inodes = 0;
	parser->group_first = blocks.first;
	parser->group_last = blocks.last;
	return 0;
}

static int add_metadata(struct parser *parser, struct ext4_range range)
{
	if (range.last >= parser->layout->block_count)
		return fail(-EINVAL, "dumpe2fs: metadata of group %llu lies behind the end",
			    (unsigned long long)parser->layout->group_count - 1);
	range.owner = parser->layout->group_count - 1;
	return range_add(&parser->layout->metadata, range);
}

/* Several of them may stand on one line, depending on the version. */
static int read_metadata(struct parser *parser, struct text line)
{
	static const char *const words[] = { "superblock at ",		"Group descriptors at ",
					     "Reserved GDT blocks at ", "Block bitmap at ",
					     "Inode bitmap at ",	"Inode table at " };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct text rest = line;
		struct ext4_range range;
		int r;

		if (!find_word(&rest, words[i]))
			continue;
		if (!take_range(&rest, &range))
			return fail(-EINVAL, "dumpe2fs: \"%s\" without a block", words[i]);
		if (i == 1)
			parser->descriptor_blocks = MAX(parser->descriptor_blocks,
							range.last - range.first + 1);
		if (i == 2)
			parser->reserved_blocks = MAX(parser->reserved_blocks,
						      range.last - range.first + 1);
		r = add_metadata(parser, range);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_free(struct parser *parser, struct text list, bool is_inodes)
{
	struct ext4_ranges *free = &parser->layout->free;
	struct ext4_range range = { 0 };

	skip_spaces(&list);
	while (list.at < list.end) {
		int r = 0;

		if (!take_range(&list, &range))
			return fail(-EINVAL,
				    "dumpe2fs: a list of free blocks or inodes can't be read");
		if (is_inodes)
			parser->free_inodes += range.last - range.first + 1;
		else if (range.first < parser->group_first || range.last > parser->group_last ||
			 (free->count && range.first <= free->items[free->count - 1].last))
			return fail(-EINVAL, "dumpe2fs: free blocks out of order");
		else
			r = range_add(free, range);
		if (r < 0)
			return r;
		if (!take_word(&list, ","))
			break;
		skip_spaces(&list);
	}
	return 0;
}

static int read_line(struct parser *parser, struct text line)
{
	if (take_word(&line, "Group ") && line.at < line.end && *line.at >= '0' && *line.at <= '9')
		return begin_group(parser, line);
	if (!parser->layout->group_count)
		return read_field(parser, line);
	skip_spaces(&line);
	if (take_word(&line, "Free blocks:"))
		return read_free(parser, line, false);
	if (take_word(&line, "Free inodes:"))
		return read_free(parser, line, true);
	return read_metadata(parser, line);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int finish(struct parser *parser)
{
	struct ext4_layout *layout = parser->layout;
	int r = check_fields(layout);

	if (r < 0)
		return r;
	if (!layout->group_count) /* dumpe2fs -h */
		return 0;
	end_group(parser);
	if (parser->group_last != layout->block_count - 1)
		return fail(-EINVAL, "dumpe2fs: its list of groups ends early");
	if (layout->metadata.count < 3 * layout->group_count)
		return fail(-EINVAL, "dumpe2fs: metadata of some group is missing");
	ext4_layout_settle(layout);
	layout->overhead_blocks = 3 + layout->inode_blocks_per_group + parser->descriptor_blocks +
				  parser->reserved_blocks;
	return 0;
}

int ext4_layout_parse(const char *text, size_t len, struct ext4_layout *ret)
{
	struct parser parser = { .layout = ret };
	struct text rest = { text, text + len }, line;
	int r = 0;

	*ret = (struct ext4_layout){ 0 };
	while (r == 0 && take_line(&rest, &line))
		r = read_line(&parser, line);
	if (r == 0)
		r = finish(&parser);
	return r;
}
