/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rotating the KEK, killed behind each durable step in turn (fsync, fdatasync, rename, unlink) and
 * run again: nothing is lost, nothing stays under the old one. Also a store from before there were
 * epochs.
 * UNIT_SOURCES: server/core/epoch_rotate.c server/cidr.c server/config*.c server/reason.c
 * UNIT_SOURCES: server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/store/?*.c server/core/epoch.c server/core/kek.c
 * UNIT_SOURCES: server/core/pkcs11.c server/rate.c server/waiver.c
 */
#include <dlfcn.h>
#include <sys/wait.h>

#include "common/file.h"
#include "server/core/epoch_rotate.h"
#include "tests/unit/server_fixture.h"

/* --- dying on time --------------------------------------------------------------------------- */

static int left; /* durable steps until the end; 0: for ever */

static void count_down(void)
{
	if (left > 0 && --left == 0)
		kill(getpid(), SIGKILL);
}

/* These stand in for libc's, also inside SQLite. */
#define COUNTED(name, parameters, arguments)                                                       \
	int name parameters                                                                        \
	{                                                                                          \
		static int(*real) parameters;                                                      \
                                                                                                   \
		if (!real)                                                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #name);                                 \
		int r = real arguments;                                                            \
		count_down();                                                                      \
		return r;                                                                          \
	}

COUNTED(fsync, (int fd), (fd))
COUNTED(fdatasync, (int fd), (fd))
COUNTED(rename, (const char *from, const char *to), (from, to))
COUNTED(unlink, (const char *path), (path))

/* --- rotating -------------------------------------------------------------------------------- */

#define DEVICES 600 /* three batches */

static struct exchange_point base_point(struct fixture *fixture)
{
	uint8_t one[P521_BYTES] = { 0 };
	struct exchange_point point;

	one[P521_BYTES - 1] = 1;
	assert_ok(exchange_public(fixture->parts.exchange, one, &point));
	return point;
}

/* The public point of a device's exchange key, by the private number that is opened. */
static struct exchange_point point_of(struct fixture *fixture, const uint8_t *device)
{
	struct exchange_point base = base_point(fixture), point;
	struct store_key key;
	const uint8_t *number;

	assert_ok(store_key(fixture->parts.store, device, NULL, &key));
	assert_ok(keys_exchange(fixture->parts.keys, device, &key, &number));
	assert_ok(exchange_multiply(fixture->parts.exchange, number, &base, &point));
	return point;
}

static void reopen(struct fixture *fixture)
{
	core_parts_close(&fixture->parts);
	assert_ok(core_parts_open(&fixture->config, &fixture->parts));
}

/* In a process of its own, which dies behind the given step. True: it was done before. */
static bool rotate_until(const struct fixture *fixture, int steps)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct epoch_rotated rotated;
		struct store *store;

		if (store_open(fixture->config.store, "operator", &store) < 0)
			_exit(2);
		left = steps;
		_exit(epoch_rotate(&fixture->config, store, true, &rotated) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return false;
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void survives_kills(void **state)
{
	struct fixture *fixture = *state;
	struct message_redeemed first = fixture_device(fixture, "[\"192.0.2.7\"]");
	struct exchange_point want = point_of(fixture, first.device), got;
	char kept[80], path[CONFIG_PATH_SIZE], command[300];
	bool is_done = false;
	int steps;

	for (int i = 1; i < DEVICES; i++)
		fixture_device(fixture, "[\"192.0.2.7\"]");
	core_parts_close(&fixture->parts);
	snprintf(kept, sizeof(kept), "%s.kept", fixture->dir);
	snprintf(command, sizeof(command), "cp -a %s %s", fixture->dir, kept);
	assert_int_equal(system(command), 0);
	for (steps = 1; !is_done; steps++) {
		/* The store in PostgreSQL isn't put back: each round is a further epoch. */
		snprintf(command, sizeof(command), "rm -rf %s && cp -a %s %s", fixture->dir, kept,
			 fixture->dir);
		if (!postgres_url())
			assert_int_equal(system(command), 0);
		is_done = rotate_until(fixture, steps);
		/* A server that starts in this state serves. */
		assert_ok(core_parts_open(&fixture->config, &fixture->parts));
		got = point_of(fixture, first.device);
		assert_memory_equal(&got, &want, sizeof(got));
		core_parts_close(&fixture->parts);
		assert_true(rotate_until(fixture, 0));
		assert_ok(core_parts_open(&fixture->config, &fixture->parts));
		got = point_of(fixture, first.device);
		assert_memory_equal(&got, &want, sizeof(got));
		assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM device_key k"
							 " JOIN kek_epoch e ON e.id = k.kek"
							 " WHERE e.retired_s = 0"),
				 DEVICES);
		assert_int_equal(fixture_number(fixture,
						"SELECT count(*) FROM kek_epoch"
						" WHERE retired_s > 0 AND destroyed_s = 0"),
				 0);
		fixture_path(fixture, CONFIG_FILE_KEK_NEXT, path);
		assert_false(file_exists(path));
		core_parts_close(&fixture->parts);
	}
	assert_true(steps > 10); /* it has that many: the loop has really cut */
	assert_ok(core_parts_open(&fixture->config, &fixture->parts));
	snprintf(command, sizeof(command), "rm -r %s", kept);
	assert_int_equal(system(command), 0);
}

static void minting_needs_the_present_epoch(void **state)
{
	struct fixture *fixture = *state;
	struct source_address source = fixture_source(FIXTURE_FROM);
	struct message_mint request = {
		.name = "late", .tags = "[]", .allow_from = "[\"192.0.2.7\"]", .actor = "alice"
	};
	struct message_redeemed answer = { .status = 0 };

	memcpy(request.organization, fixture->by.organization, sizeof(request.organization));
	assert_true(rotate_until(fixture, 0));
	assert_int_equal(mint_device(&fixture->parts, &request, &source, &answer), -ESTALE);
	assert_int_equal(answer.status, 503);
	assert_int_equal(epochs_look(fixture->parts.epochs, fixture->parts.store), -ESTALE);
	reopen(fixture);
	assert_ok(epochs_look(fixture->parts.epochs, fixture->parts.store));
	assert_ok(mint_device(&fixture->parts, &request, &source, &answer));
	assert_int_equal(answer.status, 201);
}

/* As panocryptd before epochs wrote it: the check as a setting, enrollment hashes by a key derived
 * from the KEK. */
static void adopts_an_older_store(void **state)
{
	static const char label[] = "panocrypt enrollment key hash",
			  text[] = "this store belongs to "
				   "this key";
	struct fixture *fixture = *state;
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	CLEANUP_SECRET struct secret plain = SECRET_EMPTY;
	CLEANUP_FREE uint8_t *sealed = NULL;
	char path[CONFIG_PATH_SIZE], id[KEK_ID_CHARS + 1];
	uint8_t derived[SHA256_BYTES];
	size_t len;

	fixture_path(fixture, CONFIG_FILE_KEK, path);
	assert_ok(secret_read_file(&kek, path, KEK_BYTES));
	assert_ok(kek_id(&kek, id));
	assert_ok(hmac_sha256(&kek, label, strlen(label), derived));
	assert_ok(secret_copy(&plain, text, strlen(text)));
	assert_ok(aead_seal(&kek, "panocrypt kek check", id, &plain, &sealed, &len));
	fixture_sql(fixture, "DELETE FROM kek_epoch");
	assert_ok(store_begin(fixture->parts.store));
	assert_ok(store_setting_set(fixture->parts.store, "kek-check", sealed, len));
	assert_ok(store_commit(fixture->parts.store));
	reopen(fixture);
	assert_memory_equal(epochs_enrollment(fixture->parts.epochs)->data, derived, SHA256_BYTES);
	reopen(fixture);
	fixture_device(fixture, "[\"192.0.2.7\"]");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(survives_kills),
		WITH_FIXTURE(minting_needs_the_present_epoch),
		WITH_FIXTURE(adopts_an_older_store),
	};

	return cmocka_run_group_tests_name("server_epoch", tests, NULL, NULL);
}
