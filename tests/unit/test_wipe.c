/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `wipe` on a file that stands for the partition: zeros from the filesystem's end to the
 * device's, nothing else, and the header's word for it.
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/phases/wipe.c bootstrap/wiped.c bootstrap/region.c bootstrap/pace.c
 * UNIT_SOURCES: bootstrap/gate.c bootstrap/throttle.c bootstrap/free_space.c
 * UNIT_SOURCES: bootstrap/free_space_run.c bootstrap/progress.c bootstrap/luks.c
 * UNIT_SOURCES: bootstrap/luks_json.c bootstrap/luks_look.c bootstrap/luks_token.c
 */
#include "bootstrap/block.h"
#include "bootstrap/free_space.h"
#include "bootstrap/fs.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/stop.h"
#include "bootstrap/wiped.h"
#include "bootstrap/wish.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#include <fcntl.h>

#define DEVICE "test-wipe.tmp"
#define SHIFT (16 * MIB)
#define PAYLOAD (8 * MIB)
#define DEVICE_BYTES (100 * MIB) /* more than one step */

static uint64_t filesystem_bytes;
static bool is_there;
static double last_percent;

/* The wish to stop: after so many looks between steps; 0 never. */
static unsigned stop_after_reports, looks_at_stop;
static bool stop_is_over;

void stop_on_signals(void)
{
	looks_at_stop = 0;
}

bool stop_wanted(void)
{
	return !stop_is_over && stop_after_reports && looks_at_stop >= stop_after_reports;
}

bool stop_wait(unsigned seconds UNUSED)
{
	return stop_wanted();
}

/* Once a step. */
bool stop_rest(uint64_t ms UNUSED)
{
	looks_at_stop++;
	return stop_wanted();
}

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	assert_string_equal(tag, "UUID");
	assert_string_equal(value, "0b5d2c1e-0000-4000-8000-000000000005");
	if (!is_there)
		return -ENODEV;
	snprintf(ret, size, DEVICE);
	return 0;
}

int block_probe(const char *device, struct block_content *ret)
{
	assert_string_equal(device, "/dev/mapper/cryptroot");
	*ret = (struct block_content){ .type = "ext4" };
	return 0;
}

static int size_bytes(const char *device, struct view *view UNUSED, uint64_t *ret_size,
		      uint64_t *ret_used)
{
	assert_string_equal(device, "/dev/mapper/cryptroot");
	*ret_size = filesystem_bytes;
	*ret_used = 0;
	return 0;
}

int fs_find(const char *name, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .size_bytes = size_bytes };

	assert_string_equal(name, "ext4");
	*ret = &fs;
	return 0;
}

void report_running(struct reporter *reporter UNUSED, const struct progress *progress)
{
	last_percent = progress_percent(progress);
}

/* What people want of the pace; it is given back after so many looks. */
static struct wish wish;
static unsigned wish_looks, looks_until_resume;

int wish_read(const char *state_dir, struct wish *ret)
{
	assert_string_equal(state_dir, "/nowhere");
	if (++wish_looks >= looks_until_resume)
		wish.is_paused = false;
	*ret = wish;
	return 0;
}

int progress_write(const char *dir, const struct progress *progress UNUSED)
{
	assert_string_equal(dir, RUN_DIR);
	return 0;
}

static struct job job = {
	.state_dir = "/nowhere",
	.intent = { .luks_uuid = "0b5d2c1e-0000-4000-8000-000000000005",
		    .shift_bytes = SHIFT,
		    .payload_bytes = PAYLOAD,
		    .free_space = "zero" },
};
static const struct luks_where where = { DEVICE, NULL };

/* A header with the mark, and behind it nothing but 'x'. */
static int make(void **state)
{
	const struct luks_format format = { job.intent.luks_uuid, cipher_default(), SHIFT, 4096,
					    0 };
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, passphrase = SECRET_EMPTY;
	CLEANUP_FREE char *tail = malloc(DEVICE_BYTES - SHIFT);
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[512], data[512], *cwd = getcwd(path, 400);

	(void)state;
	assert_non_null(cwd);
	snprintf(data, sizeof(data), "%s.data", DEVICE);
	strcat(path, "/" DEVICE);
	assert_ok(file_replace_text(data, "", 0600));
	assert_int_equal(truncate(data, DEVICE_BYTES), 0);
	assert_ok(secret_copy(&passphrase, "a passphrase", 12));
	assert_ok(luks_make_header(path, data, &format, &passphrase, &key));
	unlink(data);
	assert_ok(wiped_set_pending(&where));
	memset(tail, 'x', DEVICE_BYTES - SHIFT);
	file = fopen(DEVICE, "r+");
	assert_int_equal(fseek(file, SHIFT, SEEK_SET), 0);
	assert_int_equal(fwrite(tail, 1, DEVICE_BYTES - SHIFT, file), DEVICE_BYTES - SHIFT);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	return unlink(DEVICE);
}

/* How many bytes behind the header are still 'x', and that they are the first ones. */
static uint64_t bytes_left(void)
{
	CLEANUP_FREE char *data = NULL;
	uint64_t left = 0;
	size_t len = 0;

	assert_ok(file_read(DEVICE, DEVICE_BYTES, &data, &len));
	assert_int_equal(len, DEVICE_BYTES);
	while (SHIFT + left < len && data[SHIFT + left] == 'x')
		left++;
	for (uint64_t i = SHIFT + left; i < len; i++)
		if (data[i] != 0)
			fail_msg("byte %llu is not zero", (unsigned long long)i);
	return left;
}

static void not_done_before_there_is_a_volume(void **state)
{
	(void)state;
	is_there = false;
	assert_int_equal(phase_wipe.done(&job), 0);
	assert_int_equal(phase_wipe.run(&job), -ENODEV);
	is_there = true;
	assert_int_equal(phase_wipe.done(&job), 0);
}

static void refuses_a_grown_filesystem(void **state)
{
	(void)state;
	filesystem_bytes = PAYLOAD + 4096;
	assert_int_equal(phase_wipe.run(&job), -ERANGE);
	assert_said("grew");
	assert_int_equal(bytes_left(), DEVICE_BYTES - SHIFT);
	assert_int_equal(phase_wipe.done(&job), 0);
}

static void wipes_behind_the_filesystem(void **state)
{
	(void)state;
	filesystem_bytes = PAYLOAD;
	assert_ok(phase_wipe.run(&job));
	assert_int_equal(bytes_left(), PAYLOAD);
	assert_int_equal(phase_wipe.done(&job), 1);
	assert_true(last_percent > 99.9);
	assert_ok(phase_wipe.run(&job)); /* once more harms nothing */
	assert_int_equal(bytes_left(), PAYLOAD);
}

/* Stopped behind the first step, it goes on there: what it finds before that is left alone. */
static void goes_on_where_it_stopped(void **state)
{
	const uint64_t start = SHIFT + PAYLOAD, step = 64 * MIB;
	const char left = 'y';
	CLEANUP_CLOSE int fd = open(DEVICE, O_RDWR);
	uint64_t noted_start = 0, noted_next = 0;
	char byte = 0;

	(void)state;
	assert_ok(wiped_set_pending(&where));
	stop_after_reports = 2; /* the begin, and the first step */
	assert_int_equal(phase_wipe.run(&job), -EINTR);
	assert_int_equal(phase_wipe.done(&job), 0);
	assert_ok(wiped_next(&where, &noted_start, &noted_next));
	assert_int_equal(noted_start, start);
	assert_int_equal(noted_next, start + step);
	assert_int_equal(pwrite(fd, &left, 1, (off_t)start), 1);
	assert_int_equal(pwrite(fd, &left, 1, (off_t)(start + step)), 1);
	stop_is_over = true;
	assert_ok(phase_wipe.run(&job));
	assert_int_equal(phase_wipe.done(&job), 1);
	assert_int_equal(pread(fd, &byte, 1, (off_t)start), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(pread(fd, &byte, 1, (off_t)(start + step)), 1);
	assert_int_equal(byte, 0);
}

/* A note of another range counts for nothing. */
static void begins_anew_for_another_range(void **state)
{
	const char left = 'y';
	CLEANUP_CLOSE int fd = open(DEVICE, O_RDWR);
	char byte = 0;

	(void)state;
	assert_ok(wiped_set_next(&where, SHIFT + PAYLOAD - MIB, DEVICE_BYTES));
	assert_int_equal(pwrite(fd, &left, 1, DEVICE_BYTES - 1), 1);
	assert_ok(phase_wipe.run(&job));
	assert_int_equal(pread(fd, &byte, 1, DEVICE_BYTES - 1), 1);
	assert_int_equal(byte, 0);
}

struct how_row {
	const char *name;
	bool is_destroyed, is_zero;
};

static void as_it_was_told(void **state)
{
	static const struct how_row rows[] = {
		{ "zero", true, true },
		{ "random", true, false },
		{ "discard", true, true }, /* a file forgets for real */
		{ "keep", false, false },
	};
	static char text[64 * 1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_CLOSE int fd = open(DEVICE, O_RDWR);
		size_t plain = 0, zero = 0;

		strcpy(job.intent.free_space, rows[i].name);
		assert_ok(wiped_set_pending(&where));
		memset(text, 'p', sizeof(text));
		assert_int_equal(pwrite(fd, text, sizeof(text), 50 * MIB), sizeof(text));
		assert_ok(phase_wipe.run(&job));
		assert_int_equal(phase_wipe.done(&job), 1);
		assert_int_equal(pread(fd, text, sizeof(text), 50 * MIB), sizeof(text));
		for (size_t at = 0; at < sizeof(text); at++) {
			plain += text[at] == 'p';
			zero += text[at] == 0;
		}
		assert_int_equal(plain < 1024, rows[i].is_destroyed);
		assert_int_equal(zero == sizeof(text), rows[i].is_zero);
	}
	strcpy(job.intent.free_space, "magic");
	assert_int_equal(phase_wipe.run(&job), -EINVAL);
	assert_said("magic");
	strcpy(job.intent.free_space, "zero");
}

/* What becomes a /boot: every byte, also in its last step, which is a short one. */
static void all_of_a_device(void **state)
{
	static const struct how_row rows[] = {
		{ "zero", true, true },
		{ "random", true, false },
		{ "discard", true, true },
		{ "keep", false, false },
	};
	static char text[256 * 1024];
	const uint64_t places[] = { 0, 64 * MIB - sizeof(text), DEVICE_BYTES - sizeof(text) };
	CLEANUP_CLOSE int fd = open("test-wipe-boot.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	assert_int_equal(ftruncate(fd, DEVICE_BYTES), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(places); i++) {
		const struct how_row *row = &rows[i / ARRAY_SIZE(places)];
		off_t place = (off_t)places[i % ARRAY_SIZE(places)];
		size_t plain = 0, zero = 0;

		memset(text, 'p', sizeof(text));
		assert_int_equal(pwrite(fd, text, sizeof(text), place), sizeof(text));
		assert_ok(free_space_destroy_all(free_space_find(row->name), fd, DEVICE_BYTES));
		assert_int_equal(pread(fd, text, sizeof(text), place), sizeof(text));
		for (size_t at = 0; at < sizeof(text); at++) {
			plain += text[at] == 'p';
			zero += text[at] == 0;
		}
		assert_int_equal(plain < 4096, row->is_destroyed);
		assert_int_equal(zero == sizeof(text), row->is_zero);
	}
	assert_int_equal(unlink("test-wipe-boot.tmp"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_done_before_there_is_a_volume),
		cmocka_unit_test(refuses_a_grown_filesystem),
		cmocka_unit_test(wipes_behind_the_filesystem),
		cmocka_unit_test(goes_on_where_it_stopped),
		cmocka_unit_test(begins_anew_for_another_range),
		cmocka_unit_test(as_it_was_told),
		cmocka_unit_test(all_of_a_device),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
