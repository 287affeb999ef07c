/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `encrypt` around a faked worker: when it is done, that it waits for a key, that
 * SIGTERM ends it between two chunks.
 * UNIT_SOURCES: bootstrap/phases/encrypt.c bootstrap/phases/chunks.c
 * UNIT_SOURCES: bootstrap/pace.c bootstrap/progress.c
 * UNIT_SOURCES: bootstrap/stop.c bootstrap/gate.c bootstrap/throttle.c
 */
#include "bootstrap/block.h"
#include "bootstrap/keyring.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/strikes.h"
#include "bootstrap/unlock.h"
#include "bootstrap/wish.h"
#include "bootstrap/worker.h"

#include "tests/unit/unit.h"

#include <signal.h>

static struct luks_status status;
static unsigned chunks_run, keys_asked, keys_denied, waits_reported, pauses_reported;
static bool term_after_two;
static uint64_t max_rate_wished;
static struct job job = { .state_dir = "/nowhere" };

int block_find(const char *tag UNUSED, const char *value UNUSED, char *ret, size_t size)
{
	snprintf(ret, size, "/dev/root");
	return 0;
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	assert_string_equal(where->header, "/dev/root");
	*ret = status;
	return 0;
}

static unsigned looks_until_key; /* into the keyring, while the server denies; 0: never */

int unlock_volume_key(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		      struct secret *ret)
{
	if (keys_asked++ < keys_denied) {
		if (!looks_until_key)
			raise(SIGTERM); /* ends the pause before the next attempt */
		return fail(-EACCES, "denied");
	}
	return secret_random(ret, 64);
}

int unlock_both_keys(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		     struct secret *ret_used UNUSED, struct secret *ret_next UNUSED)
{
	fail_msg("the next key isn't `encrypt`'s");
	return -EPERM;
}

int keyring_get(const char *luks_uuid UNUSED, unsigned number, struct secret *ret)
{
	assert_int_equal(number, 0);
	if (looks_until_key == 0 || --looks_until_key > 0)
		return -ENOKEY;
	keys_denied = 0;
	return secret_random(ret, 64);
}

static int strikes_result;
static unsigned strikes_begun, strikes_cleared;

int strikes_begin(const char *state_dir, uint64_t done_bytes)
{
	assert_string_equal(state_dir, "/nowhere");
	assert_int_equal(done_bytes, status.encrypted_bytes);
	strikes_begun++;
	return strikes_result ? fail(strikes_result, "died 3 times") : 0;
}

int strikes_clear(const char *state_dir)
{
	assert_string_equal(state_dir, "/nowhere");
	strikes_cleared++;
	return 0;
}

int worker_run(const struct worker_run *run)
{
	struct worker_wishes wishes = { .is_stop_wanted = false };
	struct worker_view view = { .total_bytes = 64 * MIB, .warning = "" };

	assert_string_equal(run->device, "/dev/root");
	assert_string_equal(run->mapping, "cryptroot");
	assert_int_equal(run->volume_key->len, 64);
	assert_null(run->next_key);
	for (chunks_run = 0; chunks_run <= 4; chunks_run++) {
		if (term_after_two && chunks_run == 2)
			raise(SIGTERM);
		view.done_bytes = chunks_run * 16 * MIB;
		view.is_paused = wishes.wish.is_paused;
		run->tick(&view, &wishes, run->userdata);
		max_rate_wished = wishes.wish.max_bytes_per_s;
		if (wishes.is_stop_wanted)
			return WORKER_STOPPED;
	}
	return 0;
}

void report_running(struct reporter *reporter UNUSED, const struct progress *progress)
{
	assert_string_equal(progress->phase, "encrypt");
	waits_reported += strcmp(progress->waiting, "key") == 0;
	pauses_reported += strcmp(progress->waiting, "resume") == 0;
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

static void done_means_no_flag(void **state)
{
	(void)state;
	status = (struct luks_status){ 0 };
	assert_int_equal(phase_encrypt.done(&job), 0);
	status = (struct luks_status){ .is_luks2 = true, .is_reencrypting = true };
	assert_int_equal(phase_encrypt.done(&job), 0);
	status.is_reencrypting = false;
	assert_int_equal(phase_encrypt.done(&job), 1);
}

static void runs_to_the_end(void **state)
{
	(void)state;
	assert_ok(phase_encrypt.run(&job));
	assert_int_equal(chunks_run, 5);
	assert_int_equal(strikes_begun, 1);
	assert_int_equal(strikes_cleared, 1);
}

static void gives_up_where_it_always_dies(void **state)
{
	(void)state;
	chunks_run = 0;
	strikes_cleared = 0;
	strikes_result = -EIO;
	assert_int_equal(phase_encrypt.run(&job), -EIO);
	assert_int_equal(chunks_run, 0);
	assert_int_equal(strikes_cleared, 0);
	strikes_result = 0;
}

static void hands_wishes_on(void **state)
{
	unsigned before = strikes_begun;

	(void)state;
	wish = (struct wish){ .is_paused = true, .max_bytes_per_s = 20 * MIB };
	wish_looks = 0;
	looks_until_resume = 3;
	assert_ok(phase_encrypt.run(&job));
	assert_int_equal(max_rate_wished, 20 * MIB);
	assert_int_equal(pauses_reported, 1);
	assert_int_equal(strikes_begun, before);
	wish = (struct wish){ .is_paused = false };
}

/* The server says no, and somebody brings the key meanwhile. */
static void takes_a_key_that_is_brought(void **state)
{
	(void)state;
	keys_asked = 0;
	keys_denied = 100;
	looks_until_key = 1;
	assert_ok(phase_encrypt.run(&job));
	assert_int_equal(keys_asked, 2);
	assert_int_equal(chunks_run, 5);
	looks_until_key = 0;
	waits_reported = 0;
}

/* The wish to stop is for good: these two come last. */
static void stops_between_chunks(void **state)
{
	(void)state;
	term_after_two = true;
	assert_int_equal(phase_encrypt.run(&job), -EINTR);
	assert_int_equal(chunks_run, 2);
	assert_said("the next start goes on");
}

static void waits_for_a_key(void **state)
{
	(void)state;
	keys_asked = 0;
	keys_denied = 1;
	assert_int_equal(phase_encrypt.run(&job), -EINTR);
	assert_int_equal(waits_reported, 1);
	assert_said("waiting for the key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(done_means_no_flag),
		cmocka_unit_test(runs_to_the_end),
		cmocka_unit_test(gives_up_where_it_always_dies),
		cmocka_unit_test(hands_wishes_on),
		cmocka_unit_test(takes_a_key_that_is_brought),
		cmocka_unit_test(stops_between_chunks),
		cmocka_unit_test(waits_for_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
