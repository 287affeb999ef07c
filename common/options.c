/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options from the environment and the command line by one table. Values are borrowed from both;
 * only lists from the environment are copied, once, and kept as long as the program runs.
 */
#include "common/options.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <string.h>
#include <strings.h>

#define USAGE_COLUMNS 80
#define USAGE_INDENT 28

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

/* The row of "--flag", "--flag=value" or "-f"; *ret_value is what stands behind "=", or NULL. */
static const struct option_row *find_row(const struct option_row *rows, size_t count,
					 const char *word, const char **ret_value)
{
	bool is_long = word[1] == '-';
	const char *name = word + 1 + is_long;
	size_t len = strcspn(name, "="), i;

	for (i = 0; i < count; i++) {
		if (strlen(rows[i].flag) == len && (len > 1) == is_long &&
		    strncmp(rows[i].flag, name, len) == 0) {
			*ret_value = name[len] ? name + len + 1 : NULL;
			return &rows[i];
		}
	}
	return NULL;
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

int options_parse(const struct option_row *rows, size_t count, void *target, int argc, char **argv,
		  int *ret_first)
{
	uint64_t seen_lists[OPTION_LIST_MAX];
	size_t seen_count = 0;
	int r, i, words = 0;

	r = parse_environment(rows, count, target);
	if (r < 0)
		return r;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const struct option_row *row;
		const char *value;
		const char *flag = argv[i];

		if (flag[0] != '-' || !flag[1]) {
			argv[1 + words++] =
				argv[i]; /* gathered at the front, moved to the end below */
			continue;
		}
		row = find_row(rows, count, flag, &value);
		if (!row)
			return fail(-EINVAL, "%.*s is not an option here: see --help",
				    (int)strcspn(flag, "="), flag);
		if (!value && row->type == OPTION_FLAG)
			value = "yes";
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (!value)
			return fail(-EINVAL, "option %s needs %s behind it", flag,
				    row->argument ? row->argument : "a value");
		forget_list_once(row, target, seen_lists, &seen_count);
		r = set_value(row, target, value);
		if (r < 0)
			return fail_at(r, "option %.*s", (int)strcspn(flag, "="), flag);
	}
	for (i++; i < argc; i++) /* behind "--" */
		argv[1 + words++] = argv[i];
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
