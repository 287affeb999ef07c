/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which cipher a machine gets, from what was measured, and what `plan` says of it.
 * UNIT_SOURCES: bootstrap/cipher.c bootstrap/plan.c bootstrap/plan_refusals.c
 * UNIT_SOURCES: bootstrap/plan_print.c bootstrap/facts_json.c bootstrap/free_space.c
 * UNIT_SOURCES: bootstrap/boot_sizes.c tests/unit/plan_machines.c
 */
#include "bootstrap/cipher.h"
#include "bootstrap/plan.h"
#include "common/cleanup.h"
#include "common/json.h"

#include "tests/unit/plan_machines.h"
#include "tests/unit/unit.h"

#define AES "aes-xts-plain64"
#define ADIANTUM "xchacha20,aes-adiantum-plain64"

static void chooses(void **state UNUSED)
{
	static const struct {
		const char *wish;
		bool has_aes, has_fallback;
		uint64_t default_rate, fallback_rate;
		const char *cipher;
	} rows[] = {
		{ CIPHER_AUTO, true, true, 0, 0, AES }, /* nothing was measured */
		{ CIPHER_AUTO, true, true, 10, 1000, AES },
		{ CIPHER_AUTO, false, true, 30 * MIB, 100 * MIB, ADIANTUM },
		{ CIPHER_AUTO, false, false, 30 * MIB, 100 * MIB, AES },
		{ CIPHER_AUTO, false, true, 0, 0, AES },
		{ CIPHER_AUTO, false, true, 0, 100 * MIB, AES },
		{ CIPHER_AUTO, false, true, 30 * MIB, 0, AES },
		{ CIPHER_AUTO, false, true, 100 * MIB, 100 * MIB, AES },
		{ CIPHER_AUTO, false, true, 100 * MIB, 149 * MIB, AES },
		{ CIPHER_AUTO, false, true, 100 * MIB, 151 * MIB, ADIANTUM },
		{ CIPHER_AUTO, false, true, UINT64_MAX, UINT64_MAX, AES },
		{ AES, false, true, 30 * MIB, 100 * MIB, AES },
		{ ADIANTUM, true, true, 0, 0, ADIANTUM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct facts facts = { .has_aes_instructions = rows[i].has_aes,
					     .has_fallback_cipher = rows[i].has_fallback,
					     .default_cipher_rate = rows[i].default_rate,
					     .fallback_cipher_rate = rows[i].fallback_rate };

		assert_string_equal(cipher_choose(rows[i].wish, &facts)->text, rows[i].cipher);
	}
}

static void halves_make_the_text(void **state UNUSED)
{
	const struct cipher *const both[] = { cipher_default(), cipher_fallback() };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s-%s", both[i]->name, both[i]->mode);
		assert_string_equal(text, both[i]->text);
		assert_ptr_equal(cipher_find(text), both[i]);
	}
	assert_null(cipher_find("aes-cbc-essiv:sha256"));
	assert_null(cipher_find(""));
}

static void says_under_which_cipher(void **state UNUSED)
{
	static const struct {
		bool has_aes;
		uint64_t default_rate, fallback_rate;
		const char *cipher, *text;
	} rows[] = {
		{ true, 0, 0, "aes-xts-plain64", "header), aes-xts-plain64\n" },
		{ false, 0, 0, "aes-xts-plain64", "encryption will be slow" },
		{ false, 40 * MIB, 160 * MIB, "xchacha20,aes-adiantum-plain64",
		  "Measured: aes-xts-plain64 40 MiB/s, xchacha20,aes-adiantum-plain64 160 MiB/s" },
		{ false, 40 * MIB, 40 * MIB, "aes-xts-plain64",
		  "The disk will be under aes-xts-plain64." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *text = NULL;
		CLEANUP_JSON json_t *json = NULL;
		struct facts facts;
		struct config config;
		struct plan plan;
		const char *word;

		good_machine(&facts);
		good_config(&config);
		facts.has_aes_instructions = rows[i].has_aes;
		facts.has_fallback_cipher = true;
		facts.default_cipher_rate = rows[i].default_rate;
		facts.fallback_cipher_rate = rows[i].fallback_rate;
		plan_build(&facts, &config, &plan);
		assert_ok(plan_print(&plan, &facts, &text));
		if (!strstr(text, rows[i].text))
			fail_msg("row %zu: %s", i, text);
		assert_ok(plan_to_json(&plan, &facts, &json));
		assert_ok(js_string(json, "cipher", &word));
		assert_string_equal(word, rows[i].cipher);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses),
		cmocka_unit_test(halves_make_the_text),
		cmocka_unit_test(says_under_which_cipher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
