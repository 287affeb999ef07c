/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Figures of a long phase: what is said of them, the rate, and the file.
 * UNIT_SOURCES: bootstrap/progress.c bootstrap/progress_file.c
 */
#include "bootstrap/progress.h"

#include "common/file.h"
#include "tests/unit/unit.h"

static const struct row {
	struct progress progress;
	const char *text;
	uint64_t eta_s;
} rows[] = {
	{ { "wipe", "", 0, GIB, 0 }, "0.0 %", 0 },
	{ { "wipe", "", 0, 0, 0 }, "0.0 %", 0 },
	{ { "wipe", "", 512 * MIB, GIB, 64 * MIB }, "50.0 %, 64 MiB/s, 8 s left", 8 },
	{ { "wipe", "", GIB, 100 * GIB, 64 * MIB }, "1.0 %, 64 MiB/s, 27 min left", 1584 },
	{ { "wipe", "", GIB, 1024 * GIB, 64 * MIB }, "0.1 %, 64 MiB/s, 4.5 h left", 16368 },
	{ { "wipe", "", GIB, GIB, 64 * MIB }, "100.0 %, 64 MiB/s, 0 s left", 0 },
	{ { "wipe", "", 2 * GIB, GIB, 64 * MIB }, "100.0 %, 64 MiB/s, 0 s left", 0 },
	{ { "encrypt", "key", 512 * MIB, GIB, 0 }, "50.0 %, waiting for key", 0 },
	{ { "encrypt", "resume", 512 * MIB, GIB, 64 * MIB }, "50.0 %, paused", 0 },
};

static void texts(void **state UNUSED)
{
	char text[96];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		progress_text(text, sizeof(text), &rows[i].progress);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(progress_eta_s(&rows[i].progress), rows[i].eta_s);
	}
}

static void rate_begins_with_this_run(void **state UNUSED)
{
	struct progress_rate rate = { 0 };

	progress_rate_step(&rate, 1000, 512 * MIB); /* done by an earlier run */
	assert_false(rate.is_known);
	progress_rate_step(&rate, 1100, 513 * MIB); /* too soon to say */
	assert_false(rate.is_known);
	progress_rate_step(&rate, 2000, 528 * MIB);
	assert_true(rate.is_known);
	assert_int_equal((uint64_t)rate.bytes_per_s, 16 * MIB);
}

/* After a minute at another speed the old one is nearly forgotten. */
static void rate_follows(void **state UNUSED)
{
	struct progress_rate rate = { 0 };
	uint64_t now_ms = 0, done = 0;

	for (unsigned s = 0; s < 60; s++, now_ms += 1000, done += 100 * MIB)
		progress_rate_step(&rate, now_ms, done);
	assert_int_equal((uint64_t)rate.bytes_per_s, 100 * MIB);
	for (unsigned s = 0; s < 60; s++, now_ms += 1000, done += 10 * MIB)
		progress_rate_step(&rate, now_ms, done);
	assert_in_range((uint64_t)rate.bytes_per_s, 10 * MIB, 17 * MIB);
}

static char folder[] = "/tmp/test_progress.XXXXXX";

static void file_and_back(void **state UNUSED)
{
	const struct progress written = { "encrypt", "key", 5, 7, 9 };
	struct progress read;

	assert_int_equal(progress_read(folder, &read), -ENOENT);
	assert_ok(progress_write(folder, &written));
	assert_ok(progress_read(folder, &read));
	assert_string_equal(read.phase, "encrypt");
	assert_string_equal(read.waiting, "key");
	assert_int_equal(read.done_bytes, 5);
	assert_int_equal(read.total_bytes, 7);
	assert_int_equal(read.bytes_per_s, 9);
}

static void damaged_files(void **state UNUSED)
{
	static const char *const texts_of[] = {
		"",
		"{",
		"[]",
		"{\"phase\":\"encrypt\"}",
		"{\"phase\":\"a name that is far too long for it\",\"waiting\":\"\",\"done_bytes\":"
		"1,\"total_bytes\":1,\"bytes_per_s\":1}",
		"{\"phase\":\"x\",\"waiting\":\"\",\"done_bytes\":-1,\"total_bytes\":1,"
		"\"bytes_per_s\":1}",
	};
	struct progress read;
	char path[128];

	snprintf(path, sizeof(path), "%s/" PROGRESS_FILE, folder);
	for (size_t i = 0; i < ARRAY_SIZE(texts_of); i++) {
		assert_ok(file_replace_text(path, texts_of[i], 0600));
		assert_int_equal(progress_read(folder, &read), -EBADMSG);
	}
}

static int make(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_all(void **state UNUSED)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" PROGRESS_FILE, folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),	 cmocka_unit_test(rate_begins_with_this_run),
		cmocka_unit_test(rate_follows),	 cmocka_unit_test(file_and_back),
		cmocka_unit_test(damaged_files),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
