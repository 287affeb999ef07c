/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line of `status --watch`.
 * UNIT_SOURCES: bootstrap/bar.c bootstrap/progress.c
 */
#include "bootstrap/bar.h"

#include "tests/unit/unit.h"

static const struct progress half = { "encrypt", "", 512 * MIB, GIB, 64 * MIB };
static const struct progress waits = { "encrypt", "key", 512 * MIB, GIB, 0 };

static const struct row {
	const struct progress *progress;
	struct bar_style style;
	const char *line;
} rows[] = {
	{ &half, { 0, false }, "encrypt: 50.0 %, 64 MiB/s, 8 s left" },
	{ &half, { 58, false }, "encrypt [##########----------] 50.0 %, 64 MiB/s, 8 s left" },
	{ &half, { 40, false }, "encrypt: 50.0 %, 64 MiB/s, 8 s left" },
	{ &half, { 20, false }, "encrypt: 50.0 %, 64" },
	{ &half,
	  { 58, true },
	  "encrypt [\033[32m##########\033[0m----------] 50.0 %, 64 MiB/s, 8 s left" },
	{ &waits, { 45, true }, "encrypt [\033[33m#####\033[0m-----] 50.0 %, waiting for key" },
};

static void lines(void **state UNUSED)
{
	char line[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bar_print(line, sizeof(line), rows[i].progress, &rows[i].style);
		assert_string_equal(line, rows[i].line);
	}
}

/* However wide the terminal, the line leaves its last column free and its buffer whole. */
static void never_too_wide(void **state UNUSED)
{
	char line[256];

	for (unsigned columns = 1; columns < 300; columns++)
		for (uint64_t done = 0; done <= GIB; done += GIB / 7) {
			struct progress progress = half;
			struct bar_style style = { columns, false };

			progress.done_bytes = done;
			bar_print(line, sizeof(line), &progress, &style);
			assert_in_range(strlen(line), 0, columns - 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(never_too_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
