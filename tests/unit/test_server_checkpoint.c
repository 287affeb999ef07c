/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checkpoints on a real store: when one is due, two processes that make them, a witness that is
 * torn, newer than the store or missing, pruning that was cut. What verify finds on a whole server:
 * tests/server/cases/audit_verify.sh.
 * UNIT_SOURCES: server/core/checkpoint.c server/core/checkpoint_gap.c
 * UNIT_SOURCES: server/core/checkpoint_prune.c server/core/checkpoint_format.c
 * UNIT_SOURCES: server/core/witness.c server/core/checkpoint_verify.c server/cidr.c
 * UNIT_SOURCES: server/config*.c
 * UNIT_SOURCES: server/reason.c server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/waiver.c
 */
#include "common/file.h"
#include "server/core/checkpoint.h"
#include "tests/unit/server_fixture.h"

#define STORE(state) (((struct fixture *)*(state))->parts.store)

static struct server_config config_of(const struct fixture *fixture)
{
	struct server_config config = { .fronts = 1 };

	strcpy(config.dir, fixture->dir);
	return config;
}

static struct checkpoints *open_them(const struct fixture *fixture, struct store *store)
{
	struct server_config config = config_of(fixture);
	struct checkpoints *ret = NULL;

	assert_ok(checkpoints_open(&config, store, &ret));
	return ret;
}

static int verify(const struct fixture *fixture)
{
	char key[CONFIG_PATH_SIZE], witness[CONFIG_PATH_SIZE];
	uint64_t count;

	fixture_path(fixture, CONFIG_FILE_AUDIT_PUBLIC, key);
	fixture_path(fixture, CONFIG_FILE_WITNESS, witness);
	return checkpoints_verify(key, fixture->parts.store, witness, &count);
}

static void add_rows(struct fixture *fixture, int count)
{
	struct store_audit_entry entry = { .event = "test" };

	assert_ok(store_begin(fixture->parts.store));
	for (int i = 0; i < count; i++)
		assert_ok(
			store_audit_append(fixture->parts.store, fixture->by.organization, &entry));
	assert_ok(store_commit(fixture->parts.store));
}

#define MADE "SELECT count(*) FROM audit_checkpoint"

static void is_due_by_rows_or_time(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;

	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_make(checkpoints));
	assert_int_equal(fixture_number(fixture, MADE), 1);
	add_rows(fixture, 10);
	assert_ok(checkpoints_tick(checkpoints));
	assert_int_equal(fixture_number(fixture, MADE), 1); /* neither many nor old */
	checkpoints_close(TAKE_PTR(checkpoints));

	add_rows(fixture, CHECKPOINT_EVERY_ROWS);
	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_tick(checkpoints));
	assert_int_equal(fixture_number(fixture, MADE), 2);
	checkpoints_close(TAKE_PTR(checkpoints));

	add_rows(fixture, 1);
	fixture_sql(fixture, "UPDATE audit_checkpoint SET time_s = time_s - 601");
	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_tick(checkpoints));
	assert_int_equal(fixture_number(fixture, MADE), 3);
	assert_ok(verify(fixture));
}

static void are_made_by_two(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(checkpoints_closep) struct checkpoints *a = open_them(fixture, STORE(state));
	CLEANUP(checkpoints_closep) struct checkpoints *b = open_them(fixture, STORE(state));

	for (int i = 0; i < 3; i++) {
		add_rows(fixture, 1);
		assert_ok(checkpoints_make(a));
		add_rows(fixture, 1);
		assert_ok(checkpoints_make(b));
	}
	assert_int_equal(fixture_number(fixture, MADE), 6);
	assert_ok(verify(fixture));
}

static void catches_up_with_a_witness(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	CLEANUP_FREE char *whole = NULL;
	CLEANUP_FREE char *again = NULL;
	char path[CONFIG_PATH_SIZE];
	size_t len;

	checkpoints = open_them(fixture, STORE(state));
	for (int i = 0; i < 4; i++) {
		add_rows(fixture, 1);
		assert_ok(checkpoints_make(checkpoints));
	}
	checkpoints_close(TAKE_PTR(checkpoints));
	fixture_path(fixture, CONFIG_FILE_WITNESS, path);
	assert_ok(file_read(path, MIB, &whole, &len));
	for (size_t cut = 0; cut <= len; cut += 1 + len / 97) {
		assert_ok(file_replace(path, whole, cut, 0600));
		checkpoints = open_them(fixture, STORE(state));
		assert_ok(checkpoints_make(checkpoints));
		checkpoints_close(TAKE_PTR(checkpoints));
		if (verify(fixture) != 0)
			fail_msg("cut at %zu: %s", cut, fail_text());
	}
	/* Nothing is written twice. */
	assert_ok(file_replace(path, whole, len, 0600));
	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_make(checkpoints));
	assert_ok(file_read(path, MIB, &again, &len));
	assert_string_equal(whole, again);
}

static void sees_an_older_store(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;

	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_make(checkpoints));
	add_rows(fixture, 1);
	assert_ok(checkpoints_make(checkpoints));
	checkpoints_close(TAKE_PTR(checkpoints));
	fixture_sql(fixture, "DELETE FROM audit_checkpoint WHERE serial = 2");
	checkpoints = open_them(fixture, STORE(state));
	assert_int_equal(checkpoints_make(checkpoints), -ESTALE);
	assert_said("isn't in the store");
	assert_int_equal(fixture_number(fixture, MADE), 1);
	assert_int_equal(verify(fixture), STORE_CONFLICT);
}

static void needs_its_key(void **state)
{
	struct fixture *fixture = *state;
	struct server_config config = config_of(fixture);
	struct checkpoints *checkpoints = open_them(fixture, STORE(state));
	char path[CONFIG_PATH_SIZE];

	assert_ok(checkpoints_make(checkpoints));
	checkpoints_close(TAKE_PTR(checkpoints));
	fixture_path(fixture, CONFIG_FILE_AUDIT_KEY, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(checkpoints_open(&config, STORE(state), &checkpoints), -ENOENT);
	assert_said("is missing");
	assert_ok(checkpoint_key_create(fixture->dir)); /* another one */
	assert_int_equal(checkpoints_open(&config, STORE(state), &checkpoints), -EBADMSG);
	assert_said("isn't by this key");
}

static void finishes_cut_pruning(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	uint64_t removed;

	add_rows(fixture, 9000);
	checkpoints = open_them(fixture, STORE(state));
	assert_ok(checkpoints_make(checkpoints));
	fixture_sql(fixture, "CREATE TABLE kept AS SELECT * FROM audit WHERE lane_seq < 5000");
	assert_ok(checkpoints_prune(checkpoints, INT64_MAX, &removed));
	assert_true(removed >= 9000);
	assert_ok(verify(fixture));
	/* As if it had been cut in between. */
	fixture_sql(fixture, "INSERT INTO audit SELECT * FROM kept");
	assert_int_equal(verify(fixture), STORE_CONFLICT);
	assert_said("pruning was cut");
	add_rows(fixture, 3);
	assert_int_equal(checkpoints_prune(checkpoints, 1000, &removed), STORE_NOT_FOUND);
	fixture_sql(fixture, "UPDATE audit_checkpoint SET time_s = time_s + 1000 WHERE serial > 1");
	assert_ok(checkpoints_prune(
		checkpoints,
		(uint64_t)fixture_number(fixture, "SELECT min(time_s) FROM audit_checkpoint"),
		&removed));
	assert_true(removed > 4000);
	assert_ok(verify(fixture));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(is_due_by_rows_or_time),
		WITH_FIXTURE(are_made_by_two),
		WITH_FIXTURE(catches_up_with_a_witness),
		WITH_FIXTURE(sees_an_older_store),
		WITH_FIXTURE(needs_its_key),
		WITH_FIXTURE(finishes_cut_pruning),
	};

	return cmocka_run_group_tests_name("server_checkpoint", tests, NULL, NULL);
}
