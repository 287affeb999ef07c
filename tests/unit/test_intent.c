/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The intent file: what is written is read back; one flipped byte anywhere is noticed.
 * UNIT_SOURCES: bootstrap/intent.c
 */
#include "bootstrap/intent.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct intent sample = {
	.server = "https://unlock.example.com:8444",
	.device_url = "https://unlock.example.com:8443/d/00112233445566778899aabbccddeeff",
	.device = "00112233445566778899aabbccddeeff",
	.thumbprint = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	.luks_uuid = "11111111-2222-4333-8444-555555555555",
	.fs_uuid = "21111111-2222-4333-8444-555555555555",
	.boot_bytes = 768 * MIB,
	.shift_bytes = 16 * MIB,
	.payload_bytes = 0xfffffff000,
	.recovery = "generated",
	.final_reboot = true,
};

static void test_round_trip(void **state)
{
	CLEANUP_FREE char *text = NULL, *again = NULL;
	struct intent read;

	(void)state;
	assert_int_equal(intent_print(&sample, &text), 0);
	assert_int_equal(intent_parse(text, strlen(text), &read), 0);
	assert_int_equal(intent_print(&read, &again), 0);
	assert_string_equal(text, again);
	assert_string_equal(read.device_url, sample.device_url);
	assert_true(read.payload_bytes == sample.payload_bytes);
	assert_true(read.final_reboot);
}

static void test_every_flipped_byte_is_noticed(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct intent read;
	size_t len;

	(void)state;
	assert_int_equal(intent_print(&sample, &text), 0);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];

		/* Blanks between members carry nothing: only what a parser sees can matter. */
		if (kept == ' ' || kept == '\n')
			continue;
		text[i] = kept == 'x' ? 'y' : 'x';
		assert_int_equal(intent_parse(text, len, &read), -EBADMSG);
		text[i] = kept;
	}
	for (size_t cut = 0; cut + 1 < len; cut++)
		assert_int_equal(intent_parse(text, cut, &read), -EBADMSG);
	assert_int_equal(intent_parse(text, len, &read), 0);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/test-intent-XXXXXX";
	struct intent read;
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(intent_read(dir, &read), -ENOENT);
	assert_int_equal(intent_write(dir, &sample), 0);
	assert_int_equal(intent_read(dir, &read), 0);
	assert_string_equal(read.luks_uuid, sample.luks_uuid);
	snprintf(path, sizeof(path), "%s/" INTENT_FILE, dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" INTENT_COPY_FILE, dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_flipped_byte_is_noticed),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
