/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a conversion whose intent is damaged: `run` and the unit don't go on by a copy, `undo`
 * puts the machine back by the first one that is whole. Each combination of damaged files, in both
 * stages. What `undo` then does is test_undo.c's.
 * UNIT_SOURCES: bootstrap/job.c bootstrap/intent.c bootstrap/tabs.c bootstrap/verb_undo.c
 * UNIT_SOURCES: tests/unit/fake_files.c
 */
#include "bootstrap/job.h"

#include "bootstrap/destroy.h"
#include "bootstrap/install.h"
#include "bootstrap/lock.h"
#include "bootstrap/our_files.h"
#include "bootstrap/report.h"
#include "bootstrap/step.h"
#include "bootstrap/verbs.h"
#include "common/file.h"

#include "tests/unit/fake_files.h"
#include "tests/unit/unit.h"

#define F_BYTES (700 * MIB)

static const char *const paths[] = {
	STATE_DIR "/" INTENT_FILE,
	STATE_DIR "/" INTENT_COPY_FILE,
	BOOT_STATE_DIR "/" INTENT_FILE,
	BOOT_STATE_DIR "/" INTENT_COPY_FILE,
};

enum { OWN = 1, OWN_COPY = 2, BOOT = 4, BOOT_COPY = 8, ALL = 15 };

static const struct config config = { .state_dir = STATE_DIR };
static const struct intent wanted = {
	.luks_uuid = "0b5d2c1e-0000-4000-8000-000000000001",
	.root_partuuid = "0b5d2c1e-0000-4000-8000-000000000002",
	.boot_bytes = 768 * MIB,
	.recovery = "generated",
};
static struct intent undone; /* what was undone with; luks_uuid "": nothing was */

int facts_collect(struct facts *ret, const char *state_dir)
{
	*ret = (struct facts){ .root_kind = ROOT_PARTITION };
	assert_string_equal(state_dir, STATE_DIR);
	return 0;
}

int phases_undo(struct job *job)
{
	undone = job->intent;
	return 0;
}

uid_t geteuid(void)
{
	return 0;
}

int lock_take(void)
{
	return 0;
}

void step_keep_low(const struct job *job UNUSED, bool is_wanted UNUSED)
{
}

void report_progress(struct reporter *reporter UNUSED, const char *phase UNUSED,
		     enum report_state state UNUSED, double percent UNUSED, const char *text UNUSED)
{
}

int our_files_remove(enum our_file_life life UNUSED)
{
	return 0;
}

int install_remove(void)
{
	return 0;
}

int destroy_folder(const char *path)
{
	assert_string_equal(path, STATE_DIR);
	return 0;
}

static int make(void **state)
{
	(void)state;
	fake_files = calloc(1, sizeof(*fake_files));
	assert_non_null(fake_files);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(fake_files);
	return 0;
}

/* Both folders as they are behind `shrink`, or the first one before `bootpart`. */
static void fill(bool has_boot, unsigned damaged)
{
	struct intent boot = wanted;

	boot.payload_bytes = F_BYTES;
	fake_files->count = 0;
	undone = (struct intent){ "" };
	assert_ok(intent_write(STATE_DIR, &wanted));
	if (has_boot)
		assert_ok(intent_write(BOOT_STATE_DIR, &boot));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct fake_file *file = fake_file_at(fake_files, paths[i]);

		if (file && (damaged & 1U << i))
			file->data[file->len / 2] ^= 1;
	}
}

static void a_copy_is_the_same(void **state)
{
	struct intent copy;

	(void)state;
	fill(false, OWN);
	assert_int_equal(intent_read(STATE_DIR, &copy), -EBADMSG);
	assert_said("panocrypt-bootstrap undo");
	assert_said(INTENT_COPY_FILE);
	assert_ok(intent_read_whole(STATE_DIR, &copy));
	assert_memory_equal(&copy, &wanted, sizeof(copy));
	assert_string_equal(fail_text(), "");
	fake_files->count = 0; /* where there is none, a copy of an older one is none either */
	assert_int_equal(intent_read_whole(STATE_DIR, &copy), -ENOENT);
}

static void nothing_goes_on_by_a_copy(void **state)
{
	(void)state;
	for (unsigned damaged = 0; damaged <= ALL; damaged++) {
		struct facts facts;
		struct job job;
		int r;

		fill(true, damaged);
		r = job_open(&job, &config, &facts);
		assert_int_equal(r, damaged & (OWN | BOOT) ? -EBADMSG : 0);
		fill(false, damaged);
		r = job_open(&job, &config, &facts);
		assert_int_equal(r, damaged & OWN ? -EBADMSG : 0);
	}
}

static void undo_takes_what_is_whole(void **state)
{
	(void)state;
	for (unsigned damaged = 0; damaged <= ALL; damaged++) {
		bool is_lost = damaged == ALL;
		bool has_size = (damaged & (BOOT | BOOT_COPY)) != (BOOT | BOOT_COPY);

		fill(true, damaged);
		assert_int_equal(verb_undo(&config), is_lost ? -EBADMSG : 0);
		assert_string_equal(undone.luks_uuid, is_lost ? "" : wanted.luks_uuid);
		assert_int_equal(undone.payload_bytes, has_size ? F_BYTES : 0);
		assert_int_equal(undone.boot_bytes, is_lost ? 0 : wanted.boot_bytes);
	}
}

static void before_there_is_a_boot_folder(void **state)
{
	(void)state;
	for (unsigned damaged = 0; damaged < BOOT; damaged++) {
		bool is_lost = damaged == (OWN | OWN_COPY);

		fill(false, damaged);
		assert_int_equal(verb_undo(&config), is_lost ? -EBADMSG : 0);
		assert_string_equal(undone.luks_uuid, is_lost ? "" : wanted.luks_uuid);
	}
	assert_said("from a backup");
	fake_files->count = 0;
	assert_ok(verb_undo(&config)); /* nothing to undo */
	assert_string_equal(undone.luks_uuid, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_the_same),
		cmocka_unit_test(nothing_goes_on_by_a_copy),
		cmocka_unit_test(undo_takes_what_is_whole),
		cmocka_unit_test(before_there_is_a_boot_folder),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
