/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `rotate` does next: each state of the header, and the phase around a faked worker.
 * UNIT_SOURCES: bootstrap/rotate.c bootstrap/phases/rotate.c bootstrap/phases/chunks.c
 * UNIT_SOURCES: bootstrap/pace.c bootstrap/progress.c bootstrap/stop.c bootstrap/gate.c
 * UNIT_SOURCES: bootstrap/throttle.c
 */
#include "bootstrap/rotate.h"

#include "bootstrap/block.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/strikes.h"
#include "bootstrap/unlock.h"
#include "bootstrap/wish.h"
#include "bootstrap/worker.h"

#include "tests/unit/unit.h"

/* --- the table -------------------------------------------------------------------------------- */

static void decides_by_the_header(void **state UNUSED)
{
	static const struct {
		struct luks_status status;
		int r;
		enum rotate_step step;
	} rows[] = {
		/* under the first key */
		{ { .slots_of = { 3, 12 } }, 0, ROTATE_BEGIN },
		{ { .slots_of = { 2, 12 } }, 0, ROTATE_BEGIN }, /* one less of the old ones */
		{ { .slots_of = { 3, 12 }, .has_idle_clevis = true }, 0, ROTATE_BEGIN },
		{ { .slots_of = { 3, 12 }, .other_slots = 64 }, 0, ROTATE_BEGIN },
		{ { .slots_of = { 3, 12 }, .is_reencrypting = true }, -EBUSY, 0 },
		{ { .slots_of = { 3, 0 } }, -ENOKEY, 0 },
		{ { .slots_of = { 3, 4 } }, -ENOKEY, 0 },
		{ { .slots_of = { 3, 8 } }, -ENOKEY, 0 },
		{ { .slots_of = { 3 | 16, 12 } }, -EEXIST, 0 },
		/* on the way */
		{ { .slots_of = { 3, 12 }, .is_reencrypting = true, .is_rotating = true },
		  0,
		  ROTATE_GO_ON },
		{ { .slots_of = { 3, 8 }, .is_reencrypting = true, .is_rotating = true },
		  0,
		  ROTATE_GO_ON },
		/* under the next one */
		{ { .slots_of = { 3, 12 }, .used_key = 1 }, 0, ROTATE_TIDY },
		{ { .slots_of = { 1, 12 }, .used_key = 1 }, 0, ROTATE_TIDY },
		{ { .slots_of = { 0, 12 }, .used_key = 1, .has_idle_clevis = true },
		  0,
		  ROTATE_TIDY },
		{ { .slots_of = { 0, 12 }, .used_key = 1 }, 0, ROTATE_DONE },
		{ { .slots_of = { 0, 12 | 16 }, .used_key = 1 }, 0, ROTATE_DONE },
		{ { .slots_of = { 0, 0 }, .used_key = LUKS_KEYS_MAX }, -EUCLEAN, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum rotate_step step = 77;
		int r = rotate_decide(&rows[i].status, &step);

		if (r != rows[i].r || (r == 0 && step != rows[i].step))
			fail_msg("row %zu: %d, %d", i, r, step);
		fail_clear();
	}
}

static void names_the_slot(void **state UNUSED)
{
	struct luks_status status = { .slots_of = { 3, 4 } };
	enum rotate_step step;

	assert_int_equal(rotate_decide(&status, &step), -ENOKEY);
	assert_said("keyslot 3");
	status.slots_of[1] = 12;
	status.slots_of[0] = 3 | 1 << 5;
	assert_int_equal(rotate_decide(&status, &step), -EEXIST);
	assert_said("keyslot 5");
}

/* --- the phase -------------------------------------------------------------------------------- */

static struct luks_status disk;
static unsigned keys_denied, inits, runs, tidied;
static bool is_next_kept, is_stopped;
static struct job job = { .state_dir = "/nowhere" };

int block_find(const char *tag UNUSED, const char *value UNUSED, char *ret, size_t size)
{
	snprintf(ret, size, "/dev/root");
	return 0;
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	assert_string_equal(where->header, "/dev/root");
	*ret = disk;
	return 0;
}

int unlock_volume_key(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		      struct secret *ret UNUSED)
{
	fail_msg("one key is not enough");
	return -EPERM;
}

int unlock_both_keys(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		     struct secret *ret_used, struct secret *ret_next)
{
	if (keys_denied > 0) {
		keys_denied--;
		return fail(-EACCES, "denied");
	}
	assert_ok(secret_copy(ret_used, "used", 4));
	return secret_copy(ret_next, "next", 4);
}

/* The first key has been there all the time; the next one is brought later. */
int keyring_get(const char *luks_uuid UNUSED, unsigned number, struct secret *ret)
{
	if (number == 1 && !is_next_kept) {
		is_next_kept = true;
		return -ENOKEY;
	}
	return secret_copy(ret, "kept", 4);
}

int luks_rotate_init(const char *device, const char *mapping, const struct secret *volume_key,
		     const struct secret *next_key)
{
	assert_string_equal(device, "/dev/root");
	assert_string_equal(mapping, "cryptroot");
	assert_string_equal((const char *)volume_key->data, "used");
	assert_string_equal((const char *)next_key->data, "next");
	inits++;
	disk.is_reencrypting = disk.is_rotating = true;
	return 0;
}

int worker_run(const struct worker_run *run)
{
	assert_true(disk.is_rotating);
	assert_string_equal(run->mapping, "cryptroot");
	assert_string_equal((const char *)run->volume_key->data, "used");
	assert_string_equal((const char *)run->next_key->data, "next");
	runs++;
	if (is_stopped)
		return WORKER_STOPPED;
	disk = (struct luks_status){ .is_luks2 = true, .slots_of = { 3, 12 }, .used_key = 1 };
	return 0;
}

int luks_next_tidy(const struct luks_where *where)
{
	assert_string_equal(where->header, "/dev/root");
	assert_int_equal(disk.used_key, 1);
	disk.slots_of[0] = 0;
	tidied++;
	return 0;
}

int strikes_begin(const char *state_dir UNUSED, uint64_t done_bytes UNUSED)
{
	return 0;
}

int strikes_clear(const char *state_dir UNUSED)
{
	return 0;
}

void report_running(struct reporter *reporter UNUSED, const struct progress *progress)
{
	assert_string_equal(progress->phase, "rotate");
}

int wish_read(const char *state_dir UNUSED, struct wish *ret)
{
	*ret = (struct wish){ .is_paused = false };
	return 0;
}

int progress_write(const char *dir UNUSED, const struct progress *progress UNUSED)
{
	return 0;
}

static int setup(void **state UNUSED)
{
	disk = (struct luks_status){ .is_luks2 = true, .slots_of = { 3, 12 } };
	inits = runs = tidied = keys_denied = 0;
	is_stopped = is_next_kept = false;
	job.intent.rotate_after = true;
	return 0;
}

static void only_when_asked_for(void **state UNUSED)
{
	assert_true(phase_rotate.is_wanted(&job));
	job.intent.rotate_after = false;
	assert_false(phase_rotate.is_wanted(&job));
}

static void from_the_beginning_to_the_end(void **state UNUSED)
{
	assert_int_equal(phase_rotate.done(&job), 0);
	assert_ok(phase_rotate.run(&job));
	assert_int_equal(inits, 1);
	assert_int_equal(runs, 1);
	assert_int_equal(tidied, 1);
	assert_int_equal(phase_rotate.done(&job), 1);
}

static void goes_on_where_it_was(void **state UNUSED)
{
	is_stopped = true;
	assert_int_equal(phase_rotate.run(&job), -EINTR);
	assert_int_equal(tidied, 0);
	assert_int_equal(phase_rotate.done(&job), 0);
	is_stopped = false;
	assert_ok(phase_rotate.run(&job));
	assert_int_equal(inits, 1);
	assert_int_equal(runs, 2);
	assert_int_equal(phase_rotate.done(&job), 1);
}

static void only_tidies_up(void **state UNUSED)
{
	disk.used_key = 1;
	assert_int_equal(phase_rotate.done(&job), 0);
	assert_ok(phase_rotate.run(&job));
	assert_int_equal(runs, 0);
	assert_int_equal(phase_rotate.done(&job), 1);
}

static void a_lost_slot_stops_it_first(void **state UNUSED)
{
	disk.slots_of[1] = 4;
	assert_int_equal(phase_rotate.done(&job), 0);
	assert_int_equal(phase_rotate.run(&job), -ENOKEY);
	assert_int_equal(inits + runs, 0);
}

/* The first key alone, which the keyring has, doesn't end the wait. */
static void waits_for_the_next_key(void **state UNUSED)
{
	keys_denied = 1;
	assert_ok(phase_rotate.run(&job));
	assert_true(is_next_kept);
	assert_int_equal(runs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_the_header),
		cmocka_unit_test(names_the_slot),
		cmocka_unit_test_setup(only_when_asked_for, setup),
		cmocka_unit_test_setup(from_the_beginning_to_the_end, setup),
		cmocka_unit_test_setup(goes_on_where_it_was, setup),
		cmocka_unit_test_setup(only_tidies_up, setup),
		cmocka_unit_test_setup(a_lost_slot_stops_it_first, setup),
		cmocka_unit_test_setup(waits_for_the_next_key, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
