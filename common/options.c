/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options from the environment and the command line by one table. Values are borrowed from both;
 * only lists from the environment are copied, once, and kept as long as the program runs.
 */
#include "common/options.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <strings.h>

#define USAGE_COLUMNS 80
#define USAGE_INDENT 28
#define LONG_BASE 256 /* above every one-letter flag */

/* Offsets of the lists that the command line has begun to replace. */
struct seen_lists {
	uint64_t offsets[OPTION_LIST_MAX];
	size_t count;
};

/* Copies of list variables, kept reachable: the lists borrow from them. */
static struct kept {
	struct kept *next;
	char text[];
} * kept_texts;

static int parse_flag(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "1", true },	{ "true", true },   { "yes", true },
		{ "0", false }, { "false", false }, { "no", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return fail(-EINVAL, "must be yes or no");
}

/* 512, 16K, 64M, 2G, 1T; also 16KiB. Powers of 1024. */
static int parse_size(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "KMGT";
	char digits[24] = "";
	size_t len = strspn(text, "0123456789");
	const char *suffix = text + len;
	unsigned shift = 0;
	uint64_t value;
	int r;

	if (len == 0 || len >= sizeof(digits))
		return fail(-EINVAL, "must be a size such as 512, 16K, 64M or 2G");
	if (*suffix) {
		const char *at = strchr(suffixes, *suffix);

		if (!at || (suffix[1] && strcmp(suffix + 1, "iB") != 0))
			return fail(-EINVAL, "must be a size such as 512, 16K, 64M or 2G");
		shift = 10 * (unsigned)(at - suffixes + 1);
	}
	memcpy(digits, text, len);
	r = text_u64(digits, &value);
	if (r < 0)
		return r;
	if (value << shift >> shift != value)
		return fail(-ERANGE, "the size is too big");
	*ret = value << shift;
	return 0;
}

static int list_add(struct option_list *list, const char *item)
{
	if (!*item)
		return fail(-EINVAL, "has an empty item");
	if (list->count == OPTION_LIST_MAX)
		return fail(-EINVAL, "has more than %d items", OPTION_LIST_MAX);
	list->items[list->count++] = item;
	return 0;
}

static int list_add_env(struct option_list *list, const char *text)
{
	struct kept *kept = malloc(sizeof(*kept) + strlen(text) + 1);
	char *item, *comma;
	int r;

	if (!kept)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	memcpy(kept->text, text, strlen(text) + 1);
	kept->next = kept_texts;
	kept_texts = kept;
	for (item = kept->text; item; item = comma) {
		comma = strchr(item, ',');
		if (comma)
			*comma++ = '\0';
		r = list_add(list, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_value(const struct option_row *row, void *target, const char *value)
{
	void *at = (char *)target + row->offset;

	switch (row->type) {
	case OPTION_FLAG: return parse_flag(value, at);
	case OPTION_TEXT: *(const char **)at = value; return 0;
	case OPTION_NUMBER: return text_u64(value, at);
	case OPTION_SIZE: return parse_size(value, at);
	case OPTION_LIST: return list_add(at, value);
	}
	return fail(-EINVAL, "has an unknown type");
}

static int parse_environment(const struct option_row *rows, size_t count, void *target)
{
	size_t i;
	int r;

	for (i = 0; i < count; i++) {
		const char *value = rows[i].env ? getenv(rows[i].env) : NULL;

		if (!value || !*value)
			continue;
		if (rows[i].type == OPTION_LIST)
			r = list_add_env((struct option_list *)((char *)target + rows[i].offset),
					 value);
		else
			r = set_value(&rows[i], target, value);
		if (r < 0)
			return fail_at(r, "variable %s", rows[i].env);
	}
	return 0;
}

/* Flags replace what the environment said of a list, they don't add to it. */
static void forget_list_once(const struct option_row *row, void *target, uint64_t *seen_offsets,
			     size_t *count)
{
	size_t i;

	if (row->type != OPTION_LIST)
		return;
	for (i = 0; i < *count; i++) {
		if (seen_offsets[i] == row->offset)
			return;
	}
	if (*count < OPTION_LIST_MAX)
		seen_offsets[(*count)++] = row->offset;
	((struct option_list *)((char *)target + row->offset))->count = 0;
}

/* The table as getopt_long(3) wants it: one-letter flags in *ret_short ("-:" first: positional
 * words come one by one, a missing value is ':'), the others in *ret_long, whose val is
 * LONG_BASE + the row. */
static int to_getopt(const struct option_row *rows, size_t count, char **ret_short,
		     struct option **ret_long)
{
	CLEANUP_FREE struct option *longs = calloc(count + 1, sizeof(*longs));
	CLEANUP_STRBUF struct strbuf shorts = STRBUF_EMPTY;
	size_t at = 0;
	int r;

	if (!longs)
		return -ENOMEM;
	strbuf_add(&shorts, "-:");
	for (size_t i = 0; i < count; i++) {
		bool is_flag = rows[i].type == OPTION_FLAG;

		if (strlen(rows[i].flag) == 1)
			strbuf_addf(&shorts, "%s%s", rows[i].flag, is_flag ? "" : ":");
		else
			longs[at++] = (struct option){
				.name = rows[i].flag,
				.has_arg = is_flag ? optional_argument : required_argument,
				.val = LONG_BASE + (int)i,
			};
	}
	r = strbuf_take(&shorts, ret_short);
	if (r == 0)
		*ret_long = TAKE_PTR(longs);
	return r;
}

static const struct option_row *row_of(const struct option_row *rows, size_t count, int code)
{
	const char letter[2] = { (char)code, '\0' };

	if (code >= LONG_BASE)
		return &rows[code - LONG_BASE];
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].flag, letter) == 0)
			return &rows[i];
	return NULL;
}

/* What getopt_long() stumbled over. */
static int refuse(const struct option_row *rows, size_t count, int code, const char *word)
{
	const struct option_row *row = code == ':' ? row_of(rows, count, optopt) : NULL;

	if (row)
		return fail(-EINVAL, "option %s needs %s behind it", word,
			    row->argument ? row->argument : "a value");
	return fail(-EINVAL, "%.*s is not an option here: see --help", (int)strcspn(word, "="),
		    word);
}

/* getopt_long() takes abbreviations, and "-name" for "-n ame": what such a word means would change
 * with every new row. */
static bool is_exact(const struct option_row *row, const char *word)
{
	size_t len = strlen(row->flag);

	if (word[1] != '-')
		return len == 1 && word[2] == '\0';
	return strcspn(word + 2, "=") == len;
}

/* One option that getopt_long() has found; word is as it was given. */
static int take(const struct option_row *row, void *target, const char *word,
		struct seen_lists *seen)
{
	int r;

	if (!is_exact(row, word))
		return refuse(row, 1, '?', word);
	forget_list_once(row, target, seen->offsets, &seen->count);
	r = set_value(row, target, optarg ? optarg : "yes");
	return r < 0 ? fail_at(r, "option %.*s", (int)strcspn(word, "="), word) : 0;
}

int options_parse(const struct option_row *rows, size_t count, void *target, int argc, char **argv,
		  int *ret_first)
{
	CLEANUP_FREE struct option *longs = NULL;
	CLEANUP_FREE char *shorts = NULL;
	struct seen_lists seen = { .count = 0 };
	int code, r, words = 0, at = 1;

	r = parse_environment(rows, count, target);
	if (r == 0)
		r = to_getopt(rows, count, &shorts, &longs);
	optind = 0; /* starts over, in glibc and in musl */
	opterr = 0;
	while (r == 0 && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (code == 1)
			argv[1 + words++] = optarg; /* gathered at the front, moved below */
		else if (code == '?' || code == ':')
			r = refuse(rows, count, code, argv[at]);
		else
			r = take(row_of(rows, count, code), target, argv[at], &seen);
		at = optind;
	}
	if (r < 0)
		return r;
	for (at = optind; at < argc; at++) /* behind "--" */
		argv[1 + words++] = argv[at];
	memmove(&argv[argc - words], &argv[1], (size_t)words * sizeof(argv[0]));
	*ret_first = argc - words;
	return 0;
}

/* Adds the help text in the right column, wrapped; the left column has column characters already.
 */
static void add_help(struct strbuf *buf, size_t column, const char *help)
{
	bool is_full = column >= USAGE_INDENT;

	while (help && *help) {
		size_t word = strcspn(help, " \n");

		if (is_full || column + 1 + word > USAGE_COLUMNS) {
			strbuf_add(buf, "\n");
			column = 0;
		}
		strbuf_addf(buf, "%*s", column < USAGE_INDENT ? (int)(USAGE_INDENT - column) : 1,
			    "");
		strbuf_addn(buf, help, word);
		column = MAX(column + 1, USAGE_INDENT) + word;
		help += word;
		is_full = *help == '\n';
		help += *help != '\0';
	}
	strbuf_add(buf, "\n");
}

int options_usage(const struct option_row *rows, size_t count, char **ret)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	size_t i;

	for (i = 0; i < count; i++) {
		size_t start = buf.len;
		const char *help = rows[i].help;

		strbuf_addf(&buf, "  %s%s", rows[i].flag[1] ? "--" : "-", rows[i].flag);
		for (; i + 1 < count && rows[i + 1].offset == rows[i].offset; i++)
			strbuf_addf(&buf, ", %s%s", rows[i + 1].flag[1] ? "--" : "-",
				    rows[i + 1].flag);
		if (rows[i].argument)
			strbuf_addf(&buf, " %s", rows[i].argument);
		add_help(&buf, buf.len - start, help);
	}
	return strbuf_take(&buf, ret);
}
