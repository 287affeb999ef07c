/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan as people and programs read it.
 *
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/plan.c bootstrap/plan_refusals.c bootstrap/boot_sizes.c
 * UNIT_SOURCES: bootstrap/plan_print.c bootstrap/facts_json.c bootstrap/free_space.c
 * UNIT_SOURCES: tests/unit/plan_machines.c
 */
#include "common/cleanup.h"
#include "common/json.h"
#include "tests/unit/plan_machines.h"
#include "tests/unit/unit.h"

static void says_what_becomes_of_the_rest(void **state UNUSED)
{
	static const struct {
		const char *coverage, *free_space, *text;
	} rows[] = {
		{ "used", "zero", ": up to where files lie, with room to work in\n" },
		{ "used", "zero", "zeros are written over it" },
		{ "full", "zero", ": all of it\n" },
		{ "used", "random", "random bytes are written over it" },
		{ "used", "discard", "may keep it" },
		{ "used", "keep", "Deleted files can be read" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *text = NULL;
		CLEANUP_JSON json_t *json = NULL;
		struct machine m;
		const char *word;
		uint64_t tail = 0;

		good(&m);
		m.config.coverage = rows[i].coverage;
		m.config.free_space = rows[i].free_space;
		plan_it(&m);
		assert_ok(plan_print(&m.plan, &m.facts, &text));
		if (!strstr(text, rows[i].text))
			fail_msg("row %zu: %s", i, text);
		assert_ok(plan_to_json(&m.plan, &m.facts, &json));
		assert_ok(js_string(json, "coverage", &word));
		assert_string_equal(word, rows[i].coverage);
		assert_ok(js_string(json, "free_space", &word));
		assert_string_equal(word, rows[i].free_space);
		assert_ok(js_u64(json, "tail_estimate_bytes", &tail));
		if (strcmp(rows[i].coverage, "full") == 0)
			assert_in_range(tail, PLAN_SHIFT_BYTES, PLAN_SHIFT_BYTES + MIB);
		else
			assert_true(tail > PLAN_SHIFT_BYTES + MIB);
	}
}

static void rotates_only_when_asked(void **state UNUSED)
{
	for (int wanted = 0; wanted < 2; wanted++) {
		CLEANUP_FREE char *text = NULL, *json_text = NULL;
		CLEANUP_JSON json_t *json = NULL;
		struct machine m;
		bool said = !wanted;

		good(&m);
		m.config.rotate_after = wanted;
		plan_it(&m);
		assert_ok(plan_print(&m.plan, &m.facts, &text));
		assert_int_equal(strstr(text, "(rotate)") != NULL, wanted);
		assert_ok(plan_to_json(&m.plan, &m.facts, &json));
		assert_ok(js_bool(json, "rotate_after", &said));
		assert_int_equal(said, wanted);
		assert_ok(js_print(json_object_get(json, "stages"), &json_text));
		assert_int_equal(strstr(json_text, "\"rotate\"") != NULL, wanted);
	}
}

static bool has_note(const struct plan *plan, const char *word)
{
	size_t i;

	for (i = 0; i < plan->note_count; i++) {
		if (strstr(plan->notes[i], word))
			return true;
	}
	return false;
}

static void says_where_the_passphrase_is(void **state UNUSED)
{
	struct machine m;

	good(&m);
	plan_it(&m);
	assert_true(has_note(&m.plan, "/root/panocrypt-recovery-passphrase.txt"));
	assert_true(has_note(&m.plan, "in nobody's hands"));
	m.config.recovery_passphrase_file = "/root/mine";
	plan_it(&m);
	assert_true(has_note(&m.plan, "/root/mine"));
	assert_false(has_note(&m.plan, "in nobody's hands"));
	m.facts.is_secure_boot = true;
	plan_it(&m);
	assert_true(has_note(&m.plan, "Secure Boot"));
	assert_int_equal(m.plan.refusal_count, 0);
}

static void prints_for_people(void **state UNUSED)
{
	static const char *const words[] = {
		"web1",		  "/dev/vda1",	     "768 MiB", "enroll packages",
		"rehearse carve", "reboots 3 times", "undo"
	};
	CLEANUP_FREE char *text = NULL;
	struct machine m;
	size_t i;

	good(&m);
	plan_it(&m);
	assert_ok(plan_print(&m.plan, &m.facts, &text));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strstr(text, words[i]))
			fail_msg("\"%s\" is not in:\n%s", words[i], text);
	}
	assert_null(strstr(text, "Refused"));
}

static void prints_refusals(void **state UNUSED)
{
	CLEANUP_FREE char *text = NULL, *second = NULL;
	struct machine m;

	good(&m);
	strcpy(m.facts.table_type, "dos");
	m.facts.has_apt = false;
	plan_it(&m);
	assert_ok(plan_print(&m.plan, &m.facts, &text));
	assert_non_null(strstr(text, "Refused, for 2 reasons"));
	assert_non_null(strstr(text, "not-gpt: the partition table of /dev/vda is dos"));
	assert_null(strstr(text, "What will happen"));
	good(&m);
	m.facts.has_intent = true;
	plan_it(&m);
	assert_ok(plan_print(&m.plan, &m.facts, &second));
	assert_non_null(strstr(second, "under way"));
}

static void prints_json(void **state UNUSED)
{
	CLEANUP_JSON json_t *json = NULL;
	struct machine m;
	json_t *refusals, *facts;
	const char *code;

	good(&m);
	strcpy(m.facts.hostname, "\xff\xfe");
	strcpy(m.facts.table_type, "dos");
	plan_it(&m);
	assert_ok(plan_to_json(&m.plan, &m.facts, &json));
	assert_true(json_is_true(json_object_get(json, "refused")));
	assert_ok(js_array(json, "refusals", &refusals));
	assert_ok(js_string(json_array_get(refusals, 0), "code", &code));
	assert_string_equal(code, "not-gpt");
	assert_ok(js_object(json, "facts", &facts));
	assert_ok(js_string(facts, "root_kind", &code));
	assert_string_equal(code, "partition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_becomes_of_the_rest),
		cmocka_unit_test(rotates_only_when_asked),
		cmocka_unit_test(says_where_the_passphrase_is),
		cmocka_unit_test(prints_for_people),
		cmocka_unit_test(prints_refusals),
		cmocka_unit_test(prints_json),
	};

	return cmocka_run_group_tests_name("plan_print", tests, NULL, NULL);
}
