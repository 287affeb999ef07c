/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The redo log over a real cut by the real resize2fs: everything that is written to the device goes
 * through a gateway that records it, each state that a power cut can leave is made of that
 * (cut_region.h), and the boot step's repair must leave the filesystem (redo_device.h) as it was or
 * as it shall be, whole. The same without one of its flushes must lose.
 * UNIT_SOURCES: bootstrap/redo.c bootstrap/redo_log.c bootstrap/view*.c
 * bootstrap/spawn*.c bootstrap/fs.c bootstrap/fs_ext4.c bootstrap/fs_ext4_layout.c
 * bootstrap/fs_ext4_parse.c bootstrap/fs_ext4_superblock.c
 * tests/unit/cut_region.c tests/unit/redo_device.c
 */
#include "bootstrap/fs.h"
#include "bootstrap/redo.h"
#include "common/file.h"

#include "tests/unit/cut_region.h"
#include "tests/unit/redo_device.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

/* --- states ----------------------------------------------------------------------------------- */

struct expectation {
	const struct redo *redo;
	uint8_t *before; /* of the redo's blocks */
	size_t states, old, new, lost, first_lost;
	bool is_new_certain; /* the log was durable at the start */
};

/* 1: all blocks are new, 0: all are old, -1: some of each, or something else. */
static int judge(int fd, const struct expectation *expected)
{
	const struct redo_log *log = &expected->redo->log;
	bool is_old = true, is_new = true;
	uint8_t now[REDO_BLOCK_BYTES];

	for (size_t i = 0; i < log->count; i++) {
		assert_ok(file_pread_all(fd, now, sizeof(now), redo_log_offset(log, i)));
		is_old = is_old && !memcmp(now, expected->before + i * sizeof(now), sizeof(now));
		is_new = is_new && !memcmp(now, redo_log_after(log, i), sizeof(now));
	}
	return is_new ? 1 : is_old ? 0 : -1;
}

static void repair(void)
{
	CLEANUP_REDO struct redo found = { .state = REDO_NONE };

	assert_ok(redo_look(redo_device, &redo_key, &found));
	if (found.state == REDO_READY)
		assert_ok(redo_apply(redo_device, &found));
}

/* Every cut, each in several variants; with a stride where only losses are wanted. */
static void enumerate(struct expectation *expected)
{
	CLEANUP_CLOSE int fd = open(redo_device, O_RDWR | O_CLOEXEC);
	uint64_t seed = 1;

	cut_is_recording = false;
	for (size_t cut = 0; cut <= cut_event_count; cut++) {
		for (unsigned variant = 0; variant < CUT_VARIANTS; variant++) {
			int is;

			cut_rebuild(fd, cut, variant, &seed);
			repair();
			is = judge(fd, expected);
			if (is < 0 || (is == 0 && expected->is_new_certain)) {
				if (!expected->lost++)
					expected->first_lost = cut;
			}
			expected->old += is == 0;
			expected->new += is == 1;
			expected->states++;
		}
	}
}

static void remember_before(struct expectation *expected)
{
	const struct redo_log *log = &expected->redo->log;
	CLEANUP_CLOSE int fd = open(redo_device, O_RDONLY | O_CLOEXEC);

	expected->before = malloc(log->count * REDO_BLOCK_BYTES);
	for (size_t i = 0; i < log->count; i++)
		assert_ok(file_pread_all(fd, expected->before + i * REDO_BLOCK_BYTES,
					 REDO_BLOCK_BYTES, redo_log_offset(log, i)));
}

/* Writes the log and does what it says, recorded. */
static void change(struct redo *redo, uint64_t place, struct expectation *ret)
{
	cut_forget();
	cut_is_recording = true;
	assert_ok(redo_write(redo_device, &redo_key, place, redo));
	cut_is_recording = false;
	*ret = (struct expectation){ .redo = redo };
	remember_before(ret);
	cut_is_recording = true;
	assert_ok(redo_apply(redo_device, redo));
	cut_is_recording = false;
}

static void assert_whole(const char *files)
{
	CLEANUP_FREE char *now = redo_device_files();

	assert_ok(redo_sh("e2fsck -fn %s", redo_device));
	assert_string_equal(files, now);
}

static void every_cut(void **state)
{
	CLEANUP_FREE char *files = NULL;
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	struct expectation expected;
	uint64_t place = 0;

	(void)state;
	redo_device_make("-b 4096");
	files = redo_device_files();
	redo_device_log(false, &redo, &place);
	assert_whole(files);
	change(&redo, place, &expected);
	assert_whole(files);
	enumerate(&expected);
	print_message("%zu writes and flushes, %zu states: %zu old, %zu new, %zu lost\n",
		      cut_event_count, expected.states, expected.old, expected.new, expected.lost);
	assert_int_equal(expected.lost, 0);
	assert_true(expected.old > CUT_VARIANTS && expected.new > CUT_VARIANTS);
	assert_whole(files);
	/* the old one, after a log that isn't whole was written into its free blocks */
	cut_rebuild(open(redo_device, O_RDWR | O_CLOEXEC), 1, CUT_ALL, &(uint64_t){ 1 });
	assert_whole(files);
	free(expected.before);
}

/* Small blocks, of which four share one of the log; and a filesystem that e2fsck has to repair,
 * which goes into the same log. */
static void other_filesystems(void **state)
{
	static const struct {
		const char *options, *damage;
	} tries[] = {
		{ "-b 1024", "true" },
		{ "-b 4096 -O ^metadata_csum,^64bit", "true" },
		{ "-b 4096", "debugfs -w -R 'setb 20000 3'" },
		/* as for a machine whose clock stands before it was last mounted */
		{ "-b 4096", "debugfs -w -R 'set_super_value mtime 20370101'" },
		{ "-b 4096", "debugfs -w -R 'set_super_value wtime 20370101'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		CLEANUP_FREE char *files = NULL;
		CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
		struct expectation expected;
		uint64_t place = 0;

		redo_device_make(tries[i].options);
		assert_ok(redo_sh("%s %s", tries[i].damage, redo_device));
		if (i == 2)
			assert_true(redo_sh("e2fsck -fn %s", redo_device) < 0);
		files = redo_device_files();
		redo_device_log(false, &redo, &place);
		change(&redo, place, &expected);
		assert_whole(files);
		enumerate(&expected);
		assert_int_equal(expected.lost, 0);
		assert_whole(files);
		free(expected.before);
	}
}

/* A small file behind a large one that is gone: it is moved, by the same log. */
static void moves_a_few_blocks(void **state)
{
	CLEANUP_FREE char *files = NULL;
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	struct expectation expected;
	const struct fs *fs = NULL;
	uint64_t place = 0, unmoved = 0, least = 0, size = 0, used = 0;

	(void)state;
	redo_device_make("-b 4096");
	assert_ok(redo_sh(
		"yes filler | head -c 500M >%s/filler; for c in \"write %s/filler filler\" "
		"\"write %s/tree/dir4/file5 stray\" 'rm filler'; do debugfs -w -R \"$c\" %s; "
		"done; rm %s/filler",
		redo_folder, redo_folder, redo_folder, redo_device, redo_folder));
	assert_ok(fs_find("ext4", &fs));
	assert_ok(fs->unmoved_bytes(redo_device, NULL, &unmoved));
	assert_ok(fs->least_bytes(redo_device, NULL, &least));
	assert_true(unmoved > 500 * MIB && least < REDO_WANTED_BYTES);
	files = redo_device_files();
	redo_device_log(true, &redo, &place);
	change(&redo, place, &expected);
	assert_whole(files);
	assert_ok(fs->size_bytes(redo_device, NULL, &size, &used));
	assert_true(size <= REDO_WANTED_BYTES);
	enumerate(&expected);
	assert_int_equal(expected.lost, 0);
	assert_whole(files);
	free(expected.before);
}

/* A flush that the device was never told of must be seen: 2 behind the log's head, the last but two
 * before it is taken away. */
static void lost_flushes_lose(void **state)
{
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	struct expectation expected;
	size_t flushes[CUT_EVENTS_MAX], count = 0;
	uint64_t place = 0;

	(void)state;
	redo_device_make("-b 4096");
	redo_device_log(false, &redo, &place);
	change(&redo, place, &expected);
	for (size_t i = 0; i < cut_event_count; i++) {
		if (!cut_events[i].len)
			flushes[count++] = i;
	}
	assert_int_equal(count, 5); /* log, head; blocks; head gone, log gone */
	for (size_t i = 0; i < count; i++) {
		expected.lost = 0;
		cut_events[flushes[i]].is_lost_flush = true;
		enumerate(&expected);
		cut_events[flushes[i]].is_lost_flush = false;
		print_message("without flush %zu: %zu lost\n", i, expected.lost);
		assert_int_equal(expected.lost > 0, i == 1 || i == 2);
	}
	free(expected.before);
}

/* Cut, repaired half-way, cut again: at the end it is the new one. */
static void cut_again(void **state)
{
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	CLEANUP_REDO struct redo found = { .state = REDO_NONE };
	struct expectation expected;
	uint64_t place = 0, seed = 7;
	int fd;

	(void)state;
	redo_device_make("-b 4096");
	redo_device_log(false, &redo, &place);
	change(&redo, place, &expected);
	fd = open(redo_device, O_RDWR | O_CLOEXEC);
	cut_rebuild(fd, cut_event_count / 2, CUT_DRAWN, &seed);
	assert_ok(redo_look(redo_device, &redo_key, &found));
	assert_int_equal(found.state, REDO_READY);
	cut_forget();
	cut_is_recording = true;
	assert_ok(redo_apply(redo_device, &found));
	expected.is_new_certain = true;
	enumerate(&expected);
	assert_int_equal(expected.lost, 0);
	assert_int_equal(expected.new, expected.states);
	close(fd);
	free(expected.before);
}

static void set_byte(uint64_t offset, uint8_t value)
{
	CLEANUP_CLOSE int fd = open(redo_device, O_RDWR | O_CLOEXEC);

	assert_ok(file_pwrite_all(fd, &value, 1, offset));
}

static enum redo_state look_state(const struct secret *with)
{
	CLEANUP_REDO struct redo found = { .state = REDO_NONE };

	assert_ok(redo_look(redo_device, with, &found));
	return found.state;
}

static void only_what_is_known(void **state)
{
	CLEANUP_SECRET struct secret other = SECRET_EMPTY;
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	uint64_t place = 0;
	size_t last;

	(void)state;
	redo_device_make("-b 4096");
	redo_device_log(false, &redo, &place);
	assert_int_equal(look_state(&redo_key), REDO_NONE);
	assert_ok(redo_write(redo_device, &redo_key, place, &redo));
	assert_int_equal(look_state(&redo_key), REDO_READY);
	/* a user's file that looks like a log */
	assert_ok(secret_random(&other, REDO_KEY_BYTES));
	assert_int_equal(look_state(&other), REDO_NONE);
	/* somebody has used the disk */
	last = redo.log.count - 1;
	set_byte(redo_log_offset(&redo.log, last) + 700,
		 (uint8_t)~redo_log_after(&redo.log, last)[700]);
	assert_int_equal(look_state(&redo_key), REDO_FOREIGN);
	cut_is_recording = true;
	cut_forget();
	assert_true(redo_apply(redo_device, &redo) < 0);
	cut_is_recording = false;
	assert_said("since the log was made");
	assert_int_equal(cut_event_count, 0);
	/* a log with one wrong bit */
	set_byte(place + redo_log_bytes(redo.log.count) - 1, 0x5a);
	assert_int_equal(look_state(&redo_key), REDO_NONE);
	/* a device of another size */
	assert_ok(redo_write(redo_device, &redo_key, place, &redo));
	assert_ok(redo_sh("truncate -s +1M %s", redo_device));
	assert_int_equal(look_state(&redo_key), REDO_FOREIGN);
}

/* The device fails a flush: the machine boots on with the old filesystem, and no log is found. */
static void no_log_after_a_failure(void **state)
{
	(void)state;
	for (unsigned flush = 1; flush <= 2; flush++) {
		CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
		uint64_t place = 0;

		redo_device_make("-b 4096");
		redo_device_log(false, &redo, &place);
		cut_failing_flush = flush;
		assert_true(redo_write(redo_device, &redo_key, place, &redo) < 0);
		assert_int_equal(cut_failing_flush, 0);
		assert_int_equal(look_state(&redo_key), REDO_NONE);
		assert_ok(redo_sh("e2fsck -fn %s", redo_device));
	}
}

/* Before anything is changed, all of the window is read; behind that, a log is found past a place
 * that can't be read, and none is never taken for certain. */
static void what_cant_be_read(void **state)
{
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	CLEANUP_REDO struct redo found = { .state = REDO_NONE };
	uint64_t place = 0;

	(void)state;
	redo_device_make("-b 4096");
	assert_ok(redo_check_window(redo_device, REDO_DEVICE_BYTES));
	for (unsigned i = 0; i < 2; i++) {
		cut_unreadable = i ? REDO_DEVICE_BYTES - REDO_WINDOW_BYTES : REDO_DEVICE_BYTES - 1;
		assert_int_equal(redo_check_window(redo_device, REDO_DEVICE_BYTES), -EIO);
		assert_said(i ? "at 836 MiB" : "at 899 MiB");
		assert_ok(redo_check_window(redo_device, REDO_DEVICE_BYTES - REDO_WINDOW_BYTES));
	}
	cut_unreadable = REDO_DEVICE_BYTES - 2 * MIB;
	assert_int_equal(redo_look(redo_device, &redo_key, &found), -EIO);
	redo_device_log(false, &redo, &place);
	assert_int_not_equal(place, cut_unreadable);
	assert_ok(redo_write(redo_device, &redo_key, place, &redo));
	assert_int_equal(look_state(&redo_key), REDO_READY);
	cut_unreadable = place;
	assert_int_equal(redo_look(redo_device, &redo_key, &found), -EIO);
	cut_unreadable = place + redo_log_bytes(redo.log.count) - 1;
	assert_int_equal(redo_look(redo_device, &redo_key, &found), -EIO);
	cut_unreadable = 0;
}

/* The log would lie on what it changes, or behind the end. */
static void refuses_its_own_way(void **state)
{
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	uint64_t place = 0;

	(void)state;
	redo_device_make("-b 4096");
	redo_device_log(false, &redo, &place);
	assert_true(redo_write(redo_device, &redo_key, 0, &redo) < 0);
	assert_true(redo_write(redo_device, &redo_key, REDO_DEVICE_BYTES, &redo) < 0);
	assert_true(redo_window(100 * MIB, 100 * MIB, &place, &place) < 0);
	assert_ok(redo_sh("e2fsck -fn %s", redo_device));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),	       cmocka_unit_test(other_filesystems),
		cmocka_unit_test(moves_a_few_blocks),  cmocka_unit_test(lost_flushes_lose),
		cmocka_unit_test(cut_again),	       cmocka_unit_test(only_what_is_known),
		cmocka_unit_test(refuses_its_own_way), cmocka_unit_test(no_log_after_a_failure),
		cmocka_unit_test(what_cant_be_read),
	};

	return cmocka_run_group_tests(tests, redo_folder_make, redo_folder_remove);
}
