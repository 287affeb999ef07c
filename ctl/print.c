/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables and fields for people, JSON for programs. What machines claim of themselves is printed
 * without control characters: it must not steer a terminal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

#define COLUMNS_MAX 12

int ctl_print_json(const json_t *value)
{
	CLEANUP_FREE char *text = NULL;
	int r = js_print_pretty(value, &text);

	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

/* Drops C0, DEL, and C1 (two bytes in UTF-8). */
static void add_harmless(struct strbuf *out, const char *text)
{
	for (const uint8_t *c = (const uint8_t *)text; *c; c++) {
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c++;
		else if (*c >= 0x20 && *c != 0x7f)
			strbuf_addn(out, (const char *)c, 1);
	}
}

static void add_time(struct strbuf *out, const json_t *value)
{
	time_t at = (time_t)json_integer_value(value);
	char text[32];
	struct tm tm;

	if (at == 0 || !gmtime_r(&at, &tm)) {
		strbuf_add(out, "-");
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
	strbuf_add(out, text);
}

/* 0 is nothing to say: "-". */
static void add_quantity(struct strbuf *out, const json_t *value, enum ctl_show show)
{
	uint64_t number = (uint64_t)json_integer_value(value);
	char bytes[24];

	if (number == 0)
		return;
	if (show != CTL_SECONDS)
		strbuf_addf(out, "%s%s", text_bytes(bytes, number), show == CTL_RATE ? "/s" : "");
	else if (number < 120)
		strbuf_addf(out, "%llu s", (unsigned long long)number);
	else
		strbuf_addf(out, "%llu min", (unsigned long long)((number + 59) / 60));
}

static void add_list(struct strbuf *out, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		if (i > 0)
			strbuf_add(out, ",");
		add_harmless(out, json_is_string(item) ? json_string_value(item) : "?");
	}
}

static int cell_text(const json_t *object, const struct ctl_column *column, char **ret)
{
	const json_t *value = json_object_get(object, column->member);
	CLEANUP_STRBUF struct strbuf out = STRBUF_EMPTY;

	strbuf_add(&out, "");
	switch (column->show) {
	case CTL_TEXT:
		if (json_is_string(value))
			add_harmless(&out, json_string_value(value));
		break;
	case CTL_TIME: add_time(&out, value); break;
	case CTL_NUMBER: strbuf_addf(&out, "%lld", (long long)json_integer_value(value)); break;
	case CTL_PERCENT: strbuf_addf(&out, "%.1f %%", json_number_value(value)); break;
	case CTL_BYTES:
	case CTL_RATE:
	case CTL_SECONDS: add_quantity(&out, value, column->show); break;
	case CTL_YES_NO: strbuf_add(&out, json_is_true(value) ? "yes" : "no"); break;
	case CTL_LIST: add_list(&out, value); break;
	}
	if (out.len == 0)
		strbuf_add(&out, "-");
	return strbuf_take(&out, ret);
}

/* Characters, not bytes. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, size_t width, bool is_last)
{
	size_t own = text_width(text);

	fputs(text, stdout);
	if (!is_last)
		printf("%*s", (int)(width - own + 2), "");
}

static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static void print_titles(const struct ctl_column *columns, size_t count, const size_t *widths)
{
	bool color = wants_color();

	if (color)
		fputs("\033[1m", stdout);
	for (size_t i = 0; i < count; i++)
		print_cell(columns[i].title, widths[i], i + 1 == count);
	fputs(color ? "\033[0m\n" : "\n", stdout);
}

/* The first pass measures, the second prints. */
static int each_cell(const json_t *rows, const struct ctl_column *columns, size_t count,
		     size_t *widths, bool print)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		for (size_t c = 0; c < count; c++) {
			CLEANUP_FREE char *text = NULL;
			int r = cell_text(row, &columns[c], &text);

			if (r < 0)
				return r;
			if (print)
				print_cell(text, widths[c], c + 1 == count);
			else
				widths[c] = MAX(widths[c], text_width(text));
		}
		if (print)
			putchar('\n');
	}
	return 0;
}

int ctl_print_table(const json_t *rows, const struct ctl_column *columns, size_t count,
		    const char *when_empty)
{
	size_t widths[COLUMNS_MAX];
	int r;

	if (json_array_size(rows) == 0) {
		printf("%s\n", when_empty);
		return 0;
	}
	for (size_t c = 0; c < count; c++)
		widths[c] = text_width(columns[c].title);
	r = each_cell(rows, columns, count, widths, false);
	if (r < 0)
		return r;
	print_titles(columns, count, widths);
	return each_cell(rows, columns, count, widths, true);
}

int ctl_print_fields(const json_t *object, const struct ctl_column *columns, size_t count)
{
	size_t width = 0;

	for (size_t c = 0; c < count; c++)
		width = MAX(width, text_width(columns[c].title));
	for (size_t c = 0; c < count; c++) {
		CLEANUP_FREE char *text = NULL;
		int r = cell_text(object, &columns[c], &text);

		if (r < 0)
			return r;
		print_cell(columns[c].title, width, false);
		printf("%s\n", text);
	}
	return 0;
}
