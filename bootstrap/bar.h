/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line that shows how far a phase is. Pure: the caller knows the terminal.
 */
#pragma once

#include "bootstrap/progress.h"

struct bar_style {
	unsigned columns; /* of the terminal; 0: no bar, the text alone */
	bool has_color;
};

/* "encrypt [#######-------]  42.5 %, 118 MiB/s, 3 min left": without a newline, never wider than
 * the terminal (escape sequences not counted). */
void bar_print(char *ret, size_t size, const struct progress *progress,
	       const struct bar_style *style);
