/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `status` says of a machine: phases, header, keyring, lock and the worker's word are fakes.
 * UNIT_SOURCES: bootstrap/verb_status_look.c bootstrap/verb_status_print.c bootstrap/progress.c
 * UNIT_SOURCES: bootstrap/elsewhere.c
 */
#include "bootstrap/verb_status.h"

#include "bootstrap/job.h"
#include "bootstrap/keyring.h"
#include "bootstrap/lock.h"
#include "bootstrap/luks.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "tests/unit/unit.h"

static struct {
	const char *phase;
	struct luks_status luks;
	struct progress word;
	bool has_word, is_running, has_key;
} world;

static struct facts facts;
static struct job job;

int phases_current(struct job *of UNUSED, const char **ret)
{
	*ret = world.phase;
	return 0;
}

int boot_result_read(struct boot_result *ret)
{
	*ret = (struct boot_result){ .exists = false };
	return 0;
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	assert_string_equal(where->header, "/dev/vda1");
	*ret = world.luks;
	return 0;
}

int keyring_get(const char *luks_uuid UNUSED, unsigned number, struct secret *ret)
{
	assert_int_equal(number, strcmp(world.phase, "rotate") == 0);
	return world.has_key ? secret_random(ret, 64) : -ENOKEY;
}

bool lock_is_held_elsewhere(void)
{
	return world.is_running;
}

int progress_read(const char *dir, struct progress *ret)
{
	assert_string_equal(dir, RUN_DIR);
	if (!world.has_word)
		return -ENOENT;
	*ret = world.word;
	return 0;
}

/* In the middle of `encrypt`, at work, at 64 MiB/s. */
static int setup(void **state UNUSED)
{
	memset(&world, 0, sizeof(world));
	world.phase = "encrypt";
	world.luks = (struct luks_status){ .is_luks2 = true,
					   .is_reencrypting = true,
					   .payload_bytes = GIB,
					   .encrypted_bytes = 512 * MIB };
	world.word = (struct progress){ "encrypt", "", 500 * MIB, GIB, 64 * MIB };
	world.has_word = world.is_running = world.has_key = true;
	facts = (struct facts){ .root_kind = ROOT_LUKS, .luks_device = "/dev/vda1" };
	job = (struct job){ .facts = &facts,
			    .intent = { .server = "https://unlock.example.com", .device = "d0" } };
	return 0;
}

static void assert_text(int opened, const char *text)
{
	CLEANUP_FREE char *said = NULL;
	struct standing standing;

	assert_ok(standing_look(&job, opened, &standing));
	assert_ok(standing_text(&job, &standing, &said));
	if (!strstr(said, text))
		fail_msg("wanted \"%s\" in \"%s\"", text, said);
}

static void before_and_after(void **state UNUSED)
{
	assert_text(JOB_NONE, "Nothing has begun here");
	facts.was_converted = true;
	assert_text(JOB_NONE, "Converted: the root is on LUKS (/dev/vda1)");
}

static void at_work(void **state UNUSED)
{
	assert_text(0, "Phase     encrypt (at work)\n");
	/* done by the header, the rate by the worker */
	assert_text(0, "Progress  50.0 %, 64 MiB/s, 8 s left (512 MiB of 1 GiB)\n");
}

static void nobody_at_work(void **state UNUSED)
{
	world.is_running = false; /* then an old word is worth nothing */
	assert_text(0, "Phase     encrypt\n");
	assert_text(0, "Progress  50.0 % (512 MiB of 1 GiB)\n");
}

static void another_phases_word(void **state UNUSED)
{
	snprintf(world.word.phase, sizeof(world.word.phase), "wipe");
	assert_text(0, "Progress  50.0 % (512 MiB of 1 GiB)\n");
}

static void wiping(void **state UNUSED)
{
	world.phase = "wipe";
	world.luks.is_reencrypting = false;
	world.word = (struct progress){ "wipe", "", GIB, 4 * GIB, GIB };
	assert_text(0, "Progress  25.0 %, 1 GiB/s, 3 s left (1 GiB of 4 GiB)\n");
	world.has_word = false;
	assert_text(0, "Phase     wipe (at work)\nDevice    d0");
}

static void waiting_for_the_key(void **state UNUSED)
{
	snprintf(world.word.waiting, sizeof(world.word.waiting), "key");
	assert_text(0, "Progress  50.0 %, waiting for key");
	assert_text(0, "Waiting   for key\n");
	world.has_word = false; /* the worker has only begun to ask */
	world.has_key = false;
	assert_text(0, "Waiting   for key\n");
}

static void rotating(void **state UNUSED)
{
	world.phase = "rotate";
	world.luks.is_rotating = true;
	world.word = (struct progress){ "rotate", "", 500 * MIB, GIB, 64 * MIB };
	assert_text(0, "Phase     rotate (at work)\n");
	assert_text(0, "Progress  50.0 %, 64 MiB/s, 8 s left (512 MiB of 1 GiB)\n");
	world.has_word = world.has_key = false;
	assert_text(0, "Waiting   for key\n");
}

static void paused(void **state UNUSED)
{
	snprintf(world.word.waiting, sizeof(world.word.waiting), "resume");
	assert_text(0, "Progress  50.0 %, paused");
	assert_text(0, "Paused    go on with: panocrypt-bootstrap resume\n");
}

static void a_clone(void **state UNUSED)
{
	strcpy(job.intent.product_uuid, "1");
	strcpy(facts.product_uuid, "2");
	assert_text(0, "Clone?    this disk was enrolled on another machine");
}

static void being_undone(void **state UNUSED)
{
	world.phase = NULL; /* not asked for */
	job.intent.undo = facts.is_running = true;
	assert_text(0, "Being undone (at work). Finish it with: panocrypt-bootstrap undo\n");
	facts.is_running = false;
	assert_text(0, "Being undone. Finish it");
}

static void as_json(void **state UNUSED)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *value = NULL;
	struct standing standing;
	json_t *progress = NULL;
	uint64_t number = 0;
	const char *word;

	assert_ok(standing_look(&job, 0, &standing));
	assert_ok(standing_json(&job, &standing, &text));
	assert_ok(js_parse(text, strlen(text), 4096, &value));
	assert_ok(js_string(value, "state", &word));
	assert_string_equal(word, "converting");
	assert_ok(js_object(value, "progress", &progress));
	assert_ok(js_u64(progress, "done_bytes", &number));
	assert_int_equal(number, 512 * MIB);
	assert_ok(js_u64(progress, "bytes_per_s", &number));
	assert_int_equal(number, 64 * MIB);
	assert_ok(js_u64(progress, "eta_s", &number));
	assert_int_equal(number, 8);
	assert_true(json_number_value(json_object_get(progress, "percent")) == 50.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(before_and_after, setup),
		cmocka_unit_test_setup(at_work, setup),
		cmocka_unit_test_setup(nobody_at_work, setup),
		cmocka_unit_test_setup(another_phases_word, setup),
		cmocka_unit_test_setup(wiping, setup),
		cmocka_unit_test_setup(waiting_for_the_key, setup),
		cmocka_unit_test_setup(rotating, setup),
		cmocka_unit_test_setup(paused, setup),
		cmocka_unit_test_setup(a_clone, setup),
		cmocka_unit_test_setup(being_undone, setup),
		cmocka_unit_test_setup(as_json, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
