/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan by the hundred: one good machine, a table of defects, each alone, each pair, with and
 * without a conversion under way. Its numbers: test_plan_sizes.c; its texts: test_plan_print.c.
 *
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/plan.c bootstrap/plan_refusals.c bootstrap/boot_sizes.c
 * UNIT_SOURCES: bootstrap/free_space.c tests/unit/plan_machines.c
 */
#include "bootstrap/plan_refusals.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "tests/unit/plan_machines.h"
#include "tests/unit/unit.h"

#define REFUSALS_DOC "docs/refusals.md"

/* --- helpers ------------------------------------------------------------------------------ */

static size_t check_index(const char *code)
{
	size_t i;

	for (i = 0; i < plan_check_count; i++) {
		if (strcmp(plan_checks[i].code, code) == 0)
			return i;
	}
	fail_msg("no refusal %s", code);
	return 0;
}

/* --- tests -------------------------------------------------------------------------------- */

static void accepts_a_good_machine(void **state UNUSED)
{
	struct machine m;

	good(&m);
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	assert_true(m.plan.needs_bootpart);
	assert_int_equal(m.plan.boot_bytes, 768 * MIB);
	assert_int_equal(m.plan.root_bytes, 8 * GIB - 768 * MIB);
	assert_int_equal(m.plan.shift_bytes, 16 * MIB);
	assert_int_equal(m.plan.reboots, 3);
}

static void every_check_has_its_defect(void **state UNUSED)
{
	size_t i;

	assert_int_equal(plan_check_count, DEFECTS);
	for (i = 0; i < DEFECTS; i++)
		assert_string_equal(plan_checks[i].code, defects[i].code);
}

static void one_defect(void **state)
{
	const struct defect *defect = *state;
	struct machine m;

	good(&m);
	defect->make(&m.facts, &m.config);
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 1);
	assert_string_equal(m.plan.refusals[0].code, defect->code);
	assert_true(strlen(m.plan.refusals[0].fact) > 5);
	assert_true(strlen(m.plan.refusals[0].why) > 5);
	assert_true(strlen(m.plan.refusals[0].todo) > 5);
}

struct pair {
	const struct defect *a, *b;
};

/* Some defects hide or contain one another: the second overwrites what the first had made. */
static bool excludes(const char *a, const char *b)
{
	static const char *const roots[] = {
		"already-converted", "already-luks", "lvm-root",
		"raid-root",	     "zfs-root",     "unsupported-root"
	};
	static const char *const others[] = { "root-not-ext4", "not-gpt" };
	bool has_a = false, has_b = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		has_a |= strcmp(a, roots[i]) == 0;
		has_b |= strcmp(b, roots[i]) == 0;
	}
	for (i = 0; i < ARRAY_SIZE(others) && has_a; i++)
		has_b |= strcmp(b, others[i]) == 0;
	/* A filesystem that we don't know says enough about what it lies on. */
	if (strcmp(a, "root-not-ext4") == 0 && strcmp(b, "unsupported-root") == 0)
		return true;
	/* Where files lie matters only where there is room for them. */
	if (strcmp(a, "too-little-space") == 0 && strcmp(b, "tail-in-use") == 0)
		return true;
	/* A /boot of its own needs no room in the root and isn't made too small by us. */
	return (has_a && has_b) ||
	       (strcmp(a, "boot-too-small") == 0 && strcmp(b, "untested-layout") == 0);
}

static void two_defects(void **state)
{
	const struct pair *pair = *state;
	const struct plan_check *first = &plan_checks[check_index(pair->a->code)];
	struct machine m;

	good(&m);
	pair->a->make(&m.facts, &m.config);
	pair->b->make(&m.facts, &m.config);
	plan_it(&m);
	assert_string_equal(m.plan.refusals[0].code, pair->a->code);
	assert_int_equal(m.plan.refusal_count, first->is_last ? 1 : 2);
	assert_true(first->is_last || has(&m.plan, pair->b->code));
}

/* Under way, only what makes looking or working impossible is a refusal. */
static void defect_under_way(void **state)
{
	const struct defect *defect = *state;
	bool is_for_ever = plan_checks[check_index(defect->code)].is_for_ever;
	struct machine m;

	good(&m);
	m.facts.has_intent = true;
	defect->make(&m.facts, &m.config);
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, is_for_ever ? 1 : 0);
}

static void forcing_skips_what_is_untested_only(void **state)
{
	const struct defect *defect = *state;
	bool is_untested = strncmp(defect->code, "untested-", 9) == 0;
	struct machine m;

	good(&m);
	m.config.force_platform = true;
	defect->make(&m.facts, &m.config);
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, is_untested ? 0 : 1);
	assert_int_equal(plan_checks[check_index(defect->code)].is_overridable, is_untested);
}

static void leave_plain_allows_what_it_names(void **state UNUSED)
{
	struct machine m;

	good(&m);
	data_disk(&m.facts, &m.config);
	data_disk(&m.facts, &m.config);
	strcpy(m.facts.other_writable[1].target, "/srv/more");
	m.config.leave_plain.items[m.config.leave_plain.count++] = "/srv";
	plan_it(&m);
	assert_true(has(&m.plan, "other-writable-filesystems"));
	assert_non_null(strstr(m.plan.refusals[0].fact, " /srv/more"));
	assert_null(strstr(m.plan.refusals[0].fact, " /srv "));
	m.config.leave_plain.items[m.config.leave_plain.count++] = "/srv/more";
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
}

static void many_filesystems_dont_overflow(void **state UNUSED)
{
	struct machine m;
	size_t i;

	good(&m);
	for (i = 0; i < FACTS_LIST_MAX; i++) {
		data_disk(&m.facts, &m.config);
		memset(m.facts.other_writable[i].target, 'x', FACTS_PATH_MAX - 1);
		memset(m.facts.swaps[i], 'y', FACTS_PATH_MAX - 1);
		memcpy(m.facts.swaps[i], "/dev/", 5);
	}
	m.facts.swap_count = FACTS_LIST_MAX;
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 2);
	assert_true(strlen(m.plan.refusals[0].fact) < sizeof(m.plan.refusals[0].fact));
}

static void swap_where_it_is_fine(void **state UNUSED)
{
	static const struct {
		const char *path;
		bool is_refused;
	} cases[] = {
		{ "/swapfile", false },	    { "/dev/zram0", false }, { "/dev/vda5", true },
		{ "/dev/dm-1", true },	    { "/srv/swap", true },   { "/srvswap", false },
		{ "/var/swap/one", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine m;

		good(&m);
		data_disk(&m.facts, &m.config);
		m.config.leave_plain.items[m.config.leave_plain.count++] = "/srv";
		strcpy(m.facts.swaps[m.facts.swap_count++], cases[i].path);
		plan_it(&m);
		assert_int_equal(has(&m.plan, "swap-on-plain-disk"), cases[i].is_refused);
	}
}

static void networks(void **state UNUSED)
{
	struct machine m;

	good(&m);
	m.facts.net_gateway4[0] = '\0'; /* a route on the link itself */
	plan_it(&m);
	assert_int_equal(m.plan.refusal_count, 0);
	m.facts.net_address4[0] = '\0';
	plan_it(&m);
	assert_true(has(&m.plan, "no-network-plan"));
	strcpy(m.facts.net_address6, "2001:db8::5/64");
	plan_it(&m);
	assert_non_null(strstr(m.plan.refusals[0].fact, "IPv6"));
}

/* Every code has its section in the document, and the document has no other. */
static void documents_every_code(void **state UNUSED)
{
	CLEANUP_FREE char *doc = NULL;
	size_t i, sections = 0;
	const char *at;

	assert_ok(file_read(REFUSALS_DOC, 1 * MIB, &doc, NULL));
	for (i = 0; i < plan_check_count; i++) {
		CLEANUP_FREE char *title = NULL;

		assert_ok(text_format(&title, "\n## `%s`\n", plan_checks[i].code));
		if (!strstr(doc, title))
			fail_msg("%s has no section in " REFUSALS_DOC, plan_checks[i].code);
	}
	for (at = doc; (at = strstr(at, "\n## `")); at++)
		sections++;
	assert_int_equal(sections, plan_check_count);
}

/* --- the list ----------------------------------------------------------------------------- */

#define SINGLES (3 * DEFECTS)
#define PAIRS_MAX (DEFECTS * (DEFECTS - 1) / 2)

static struct CMUnitTest tests[SINGLES + PAIRS_MAX + 32];
static struct pair pairs[PAIRS_MAX];
static char names[SINGLES + PAIRS_MAX][96];
static size_t test_count, name_count;

static void add(CMUnitTestFunction function, const char *what, const char *code, const void *data)
{
	char *name = names[name_count++];

	snprintf(name, sizeof(names[0]), "%s %s", what, code);
	/* cmocka wants the state as a pointer to what may change; none of these tests does. */
	tests[test_count++] = (struct CMUnitTest){ .name = name,
						   .test_func = function,
						   .initial_state = (void *)(uintptr_t)data };
}

static void add_all(void)
{
	size_t i, j, count = 0;
	char both[96];

	for (i = 0; i < DEFECTS; i++) {
		add(one_defect, "alone:", defects[i].code, &defects[i]);
		add(defect_under_way, "under way:", defects[i].code, &defects[i]);
		add(forcing_skips_what_is_untested_only, "forced:", defects[i].code, &defects[i]);
		for (j = i + 1; j < DEFECTS; j++) {
			if (excludes(defects[i].code, defects[j].code))
				continue;
			pairs[count] = (struct pair){ &defects[i], &defects[j] };
			snprintf(both, sizeof(both), "%s + %s", defects[i].code, defects[j].code);
			add(two_defects, "both:", both, &pairs[count++]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(accepts_a_good_machine),
		cmocka_unit_test(every_check_has_its_defect),
		cmocka_unit_test(leave_plain_allows_what_it_names),
		cmocka_unit_test(many_filesystems_dont_overflow),
		cmocka_unit_test(swap_where_it_is_fine),
		cmocka_unit_test(networks),
		cmocka_unit_test(documents_every_code),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plain); i++)
		tests[test_count++] = plain[i];
	add_all();
	return _cmocka_run_group_tests("plan", tests, test_count, NULL, NULL);
}
