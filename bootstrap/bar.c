/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bar of `status --watch`. Plain ASCII: it must look the same on a serial console.
 */
#include "bootstrap/bar.h"

#include <stdio.h>
#include <string.h>

#define BAR_LEAST 8
#define BAR_MOST 50
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static const char *color_of(const struct progress *progress, const struct bar_style *style)
{
	if (!style->has_color)
		return "";
	return progress->waiting[0] ? YELLOW : GREEN;
}

/* How many characters the bar may have between its brackets; 0: there is no room for one. */
static unsigned bar_width(const struct bar_style *style, size_t other)
{
	size_t room;

	if (style->columns <= other + BAR_LEAST)
		return 0;
	room = style->columns - other;
	return (unsigned)MIN(room, BAR_MOST);
}

void bar_print(char *ret, size_t size, const struct progress *progress,
	       const struct bar_style *style)
{
	const char *color = color_of(progress, style);
	char text[96], cells[BAR_MOST + 1];
	unsigned width, full;

	progress_text(text, sizeof(text), progress);
	/* phase, " [", "] ", text, and the last column, which would wrap on some terminals */
	width = bar_width(style, strlen(progress->phase) + strlen(text) + 5);
	if (width == 0) {
		snprintf(ret, size, "%s: %s", progress->phase, text);
		if (style->columns > 0 && style->columns < size)
			ret[style->columns - 1] = '\0';
		return;
	}
	full = (unsigned)(progress_percent(progress) * width / 100.0);
	memset(cells, '-', width);
	memset(cells, '#', full);
	cells[width] = '\0';
	snprintf(ret, size, "%s [%s%.*s%s%s] %s", progress->phase, color, (int)full, cells,
		 *color ? PLAIN : "", cells + full, text);
}
