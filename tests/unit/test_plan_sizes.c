/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan's numbers at their borders: whatever they are, all fits, or it is refused.
 *
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/plan.c bootstrap/plan_refusals.c bootstrap/boot_sizes.c
 * UNIT_SOURCES: bootstrap/free_space.c tests/unit/plan_machines.c
 */
#include "bootstrap/plan_refusals.h"
#include "tests/unit/plan_machines.h"
#include "tests/unit/unit.h"

static void needs_exactly_what_it_says(void **state UNUSED)
{
	struct machine m;
	uint64_t needed;

	good(&m);
	needed = plan_needed_bytes(&m.facts, &m.config);
	assert_int_equal(needed, 768 * MIB + 32 * MIB + 1260 * MIB + 256 * MIB);
	m.facts.root_bytes = needed;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	m.facts.root_bytes = needed - 1;
	plan_it(&m);
	assert_true(has(&m.plan, "too-little-space"));
	m.facts.is_boot_separate = true;
	assert_int_equal(plan_needed_bytes(&m.facts, &m.config), needed - 768 * MIB);
}

static void memory_at_its_border(void **state UNUSED)
{
	struct machine m;

	good(&m);
	m.facts.memory_bytes = 440 * MIB;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	m.facts.memory_bytes--;
	plan_it(&m);
	assert_true(has(&m.plan, "too-little-ram"));
}

/* Whatever the sizes: F + 2S fits into R, R and /boot into the partition, or it is refused. */
static void sizes_always_fit(void **state UNUSED)
{
	uint64_t root_mib, used_mib, boot_mib;
	size_t accepted = 0;
	struct machine m;

	good(&m);
	for (root_mib = 0; root_mib <= 20000; root_mib += 97) {
		for (used_mib = 0; used_mib <= root_mib; used_mib += 301) {
			for (boot_mib = 256; boot_mib <= 2048; boot_mib *= 2) {
				m.facts.root_bytes = root_mib * MIB;
				m.facts.fs_used_bytes = used_mib * MIB;
				m.config.boot_bytes = boot_mib * MIB;
				plan_it(&m);
				if (has(&m.plan, "too-little-space"))
					continue;
				accepted++;
				assert_true(m.plan.payload_estimate_bytes +
						    2 * m.plan.shift_bytes <=
					    m.plan.root_bytes);
				assert_true(m.plan.payload_estimate_bytes >= m.facts.fs_used_bytes);
				assert_int_equal(m.plan.root_bytes + m.plan.boot_bytes,
						 m.facts.root_bytes);
			}
		}
	}
	assert_true(accepted > 1000);
}

/* Files that lie far behind the used bytes are encrypted with all that is before them; one byte too
 * far is refused. */
static void estimates_by_where_files_lie(void **state UNUSED)
{
	struct machine m;
	uint64_t most;

	good(&m);
	plan_it(&m);
	assert_true(m.plan.payload_estimate_bytes < 2 * GIB);
	m.facts.fs_unmoved_bytes = 6 * GIB;
	m.facts.fs_least_bytes = 5 * GIB;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	assert_int_equal(m.plan.payload_estimate_bytes, 5 * GIB);
	most = m.plan.root_bytes - 2 * m.plan.shift_bytes;
	m.facts.fs_unmoved_bytes = m.facts.fs_least_bytes = most;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	assert_int_equal(m.plan.payload_estimate_bytes, most);
	m.facts.fs_unmoved_bytes = m.facts.root_bytes; /* a few strays at the very end are moved */
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	m.facts.fs_least_bytes = most + 1;
	plan_it(&m);
	assert_true(has(&m.plan, "tail-in-use"));
}

/* A full filesystem reaches its end too: it is told to make room, and nothing about its files. */
static void full_is_one_reason(void **state UNUSED)
{
	struct machine m;

	good(&m);
	m.facts.fs_used_bytes = m.facts.root_bytes - 300 * MIB;
	m.facts.fs_unmoved_bytes = m.facts.fs_least_bytes = m.facts.root_bytes - MIB;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 1);
	assert_string_equal(m.plan.refusals[0].code, "too-little-space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_exactly_what_it_says),
		cmocka_unit_test(memory_at_its_border),
		cmocka_unit_test(sizes_always_fit),
		cmocka_unit_test(estimates_by_where_files_lie),
		cmocka_unit_test(full_is_one_reason),
	};

	return cmocka_run_group_tests_name("plan_sizes", tests, NULL, NULL);
}
