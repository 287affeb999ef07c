/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `wipe` on a file that stands for the partition: zeros from the filesystem's end to the
 * device's, nothing else, and the header's word for it.
 * UNIT_SOURCES: bootstrap/phases/wipe.c bootstrap/wiped.c bootstrap/region.c bootstrap/pace.c
 * UNIT_SOURCES: bootstrap/progress.c bootstrap/stop.c bootstrap/luks.c bootstrap/luks_json.c
 */
#include "bootstrap/block.h"
#include "bootstrap/fs.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/wiped.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#define DEVICE "test-wipe.tmp"
#define SHIFT (16 * MIB)
#define PAYLOAD (8 * MIB)
#define DEVICE_BYTES (100 * MIB) /* more than one step */

static uint64_t filesystem_bytes;
static bool is_there;
static double last_percent;

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

static int size_bytes(const char *device, uint64_t *ret_size, uint64_t *ret_used)
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

int progress_write(const char *dir, const struct progress *progress UNUSED)
{
	assert_string_equal(dir, RUN_DIR);
	return 0;
}

static struct job job = {
	.state_dir = "/nowhere",
	.intent = { .luks_uuid = "0b5d2c1e-0000-4000-8000-000000000005",
		    .shift_bytes = SHIFT,
		    .payload_bytes = PAYLOAD },
};
static const struct luks_where where = { DEVICE, NULL };

/* A header with the mark, and behind it nothing but 'x'. */
static int make(void **state)
{
	const struct luks_format format = { job.intent.luks_uuid, SHIFT, 4096, 0 };
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_done_before_there_is_a_volume),
		cmocka_unit_test(refuses_a_grown_filesystem),
		cmocka_unit_test(wipes_behind_the_filesystem),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
