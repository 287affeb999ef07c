/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `wipe` writes zeros over: everything behind the filesystem, never a byte of it.
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/wiped.c bootstrap/luks.c bootstrap/luks_json.c bootstrap/luks_look.c
 * UNIT_SOURCES: bootstrap/luks_token.c
 */
#include "bootstrap/wiped.h"

#include "tests/unit/unit.h"

struct row {
	uint64_t device, shift, payload, filesystem;
	int r;
	uint64_t start, end;
};

static const struct row rows[] = {
	/* as it is after encrypt */
	{ 4 * GIB, 16 * MIB, GIB, GIB, 0, GIB + 16 * MIB, 4 * GIB },
	/* a filesystem that uses less than the payload: the rest of it is free */
	{ 4 * GIB, 16 * MIB, GIB, GIB - MIB, 0, GIB + 15 * MIB, 4 * GIB },
	/* the smallest room there may be */
	{ GIB + 32 * MIB, 16 * MIB, GIB, GIB, 0, GIB + 16 * MIB, GIB + 32 * MIB },
	/* grown: its free space may hold what should have been wiped */
	{ 4 * GIB, 16 * MIB, GIB, GIB + 4096, -ERANGE, 0, 0 },
	{ 4 * GIB, 16 * MIB, GIB, 3 * GIB, -ERANGE, 0, 0 },
	/* nonsense */
	{ 4 * GIB, 16 * MIB, 0, GIB, -ERANGE, 0, 0 },
	{ 4 * GIB, 16 * MIB, GIB, 0, -ERANGE, 0, 0 },
	{ GIB, 16 * MIB, GIB, GIB, -ERANGE, 0, 0 },
	{ MIB, 16 * MIB, GIB, GIB, -ERANGE, 0, 0 },
	{ 4 * GIB, 16 * MIB, GIB, GIB - 100, -ERANGE, 0, 0 },
};

static void ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct wiped_range range = { 1, 2 };
		int r = wiped_range(row->device, row->shift, row->payload, row->filesystem, &range);

		if (r != row->r)
			fail_msg("row %zu: %d", i, r);
		if (r == 0 && (range.start_bytes != row->start || range.end_bytes != row->end))
			fail_msg("row %zu: %llu to %llu", i, (unsigned long long)range.start_bytes,
				 (unsigned long long)range.end_bytes);
		if (r < 0 && range.start_bytes != 1)
			fail_msg("row %zu: output written on failure", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ranges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
