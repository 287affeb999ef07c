/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the boot step opens the root: a cut chunk is finished before the distribution's cryptsetup
 * sees the volume, and whatever becomes of that, cryptsetup has its turn.
 * UNIT_SOURCES: bootstrap/boot_unlock.c bootstrap/cipher.c
 */
#include "bootstrap/boot_run.h"
#include "bootstrap/dm.h"
#include "bootstrap/hot_chunk.h"
#include "bootstrap/kmods.h"
#include "bootstrap/spawn.h"
#include "bootstrap/unlock.h"

#include "tests/unit/unit.h"

static char done[64]; /* what was called, in its order */
static int finished, opened;

static void note(const char *what)
{
	strncat(done, what, sizeof(done) - strlen(done) - 1);
}

int hot_chunk_finish(const struct luks_where *where, const struct secret *passphrase)
{
	note("finish ");
	assert_string_equal(where->header, "/dev/root");
	assert_null(where->data);
	assert_string_equal((const char *)passphrase->data, "passphrase");
	return finished < 0 ? fail(finished, "the chunk can't be finished") : finished;
}

int kmods_load(const char *module UNUSED)
{
	fail_msg("that was before");
	return -ENOENT;
}

int spawn_run(const struct spawn *spawn)
{
	note(spawn->argv[0]);
	note(" ");
	if (strcmp(spawn->argv[0], "cryptsetup") != 0)
		return 0;
	assert_string_equal((const char *)spawn->input_secret->data, "passphrase");
	return opened < 0 ? fail(opened, "cryptsetup ended with status 2") : 0;
}

int unlock_clevis(const struct luks_where *where UNUSED, unsigned timeout_s UNUSED,
		  struct secret *ret UNUSED)
{
	fail_msg("opening asks nobody");
	return -EPERM;
}

int luks_try_passphrase(const struct luks_where *where UNUSED,
			const struct secret *passphrase UNUSED)
{
	fail_msg("cryptsetup tries it");
	return -EPERM;
}

int dm_try_cipher(const char *cipher UNUSED, size_t key_bytes UNUSED)
{
	fail_msg("that was before");
	return -EINVAL;
}

static int open_root(void)
{
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;

	done[0] = '\0';
	assert_ok(secret_copy(&passphrase, "passphrase", strlen("passphrase")));
	return boot_open("/dev/root", &passphrase);
}

static void a_chunk_is_finished_first(void **state UNUSED)
{
	static const int outcomes[] = { 0, HOT_CHUNK_FINISHED, -EIO, -EPERM, -EOPNOTSUPP };

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		finished = outcomes[i];
		assert_ok(open_root());
		assert_string_equal(done, "finish cryptsetup udevadm ");
	}
}

static void what_cryptsetup_says_counts(void **state UNUSED)
{
	finished = -EIO;
	opened = -EIO;
	assert_int_equal(open_root(), -EIO);
	assert_said("cryptsetup ended with status 2");
	assert_string_equal(done, "finish cryptsetup ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_finished_first),
		cmocka_unit_test(what_cryptsetup_says_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
