/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When an unlock is a surprise: the table of docs/server-states.md.
 *
 * UNIT_SOURCES: server/core/reboot.c
 */
#include "server/core/reboot.h"

#include "tests/unit/unit.h"

int store_unlock_surprised(struct store *store UNUSED,
			   const uint8_t device[static DEVICE_ID_BYTES] UNUSED,
			   uint64_t now_s UNUSED)
{
	return 0;
}

int store_audit_append(struct store *store UNUSED, const uint8_t organization[static 16] UNUSED,
		       const struct store_audit_entry *entry UNUSED)
{
	return 0;
}

static void table(void **state UNUSED)
{
	static const struct {
		bool announces, converting, waived;
		uint64_t from, until, surprised;
		bool is_surprise;
	} rows[] = {
		{ false, false, false, 0, 0, 0, false },
		{ true, false, false, 0, 0, 0, true },
		{ true, true, false, 0, 0, 0, false },
		{ true, false, true, 0, 0, 0, false },
		{ true, false, false, 10000, 10001, 0, false },
		{ true, false, false, 9000, 10000, 0, true }, /* over just now */
		{ true, false, false, 10001, 20000, 0, true },
		{ true, false, false, 0, 0, 10000, false },
		{ true, false, false, 0, 0, 10000 - REBOOT_SURPRISE_S + 1, false },
		{ true, false, false, 0, 0, 10000 - REBOOT_SURPRISE_S, true },
		{ true, false, false, 0, 0, 10001, true }, /* a clock that was set back */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct store_unlock device = { .announces_reboots = rows[i].announces,
						     .reboot_from_s = rows[i].from,
						     .reboot_until_s = rows[i].until,
						     .surprised_s = rows[i].surprised };
		const struct reboot_question question = { 10000, rows[i].converting,
							  rows[i].waived };

		if (reboot_is_surprise(&device, &question) != rows[i].is_surprise)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
