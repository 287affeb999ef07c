/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a chunk is finished before the volume is activated, and with which keys.
 * UNIT_SOURCES: bootstrap/hot_chunk.c
 */
#include "bootstrap/hot_chunk.h"

#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"

#include "tests/unit/unit.h"

static const struct luks_where where = { "/dev/root", NULL };
static struct luks_status status;
static int looked, opened, finished;	  /* what each returns */
static char used_with[16], next_with[16]; /* the keys that the chunk was finished with; "" none */

int luks_look(const struct luks_where *asked, struct luks_status *ret)
{
	assert_string_equal(asked->header, "/dev/root");
	*ret = status;
	return looked < 0 ? fail(looked, "the header can't be read") : 0;
}

int luks_volume_key(const struct luks_where *asked UNUSED, const struct secret *passphrase,
		    struct secret *ret)
{
	assert_string_equal((const char *)passphrase->data, "passphrase");
	return opened < 0 ? opened : secret_copy(ret, "used", 4);
}

int luks_both_keys(const struct luks_where *asked UNUSED, const struct secret *passphrase,
		   struct secret *ret_used, struct secret *ret_next)
{
	assert_string_equal((const char *)passphrase->data, "passphrase");
	if (opened < 0)
		return opened;
	assert_ok(secret_copy(ret_used, "used", 4));
	return secret_copy(ret_next, "next", 4);
}

int luks_finish_chunk(const char *device, const struct secret *volume_key,
		      const struct secret *next_key)
{
	assert_string_equal(device, "/dev/root");
	assert_string_equal(used_with, ""); /* once */
	snprintf(used_with, sizeof(used_with), "%s", (const char *)volume_key->data);
	snprintf(next_with, sizeof(next_with), "%s",
		 next_key ? (const char *)next_key->data : "none");
	return finished < 0 ? fail(finished, "the disk doesn't want to") : 0;
}

static int finish(void)
{
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;

	used_with[0] = next_with[0] = '\0';
	assert_ok(secret_copy(&passphrase, "passphrase", strlen("passphrase")));
	return hot_chunk_finish(&where, &passphrase);
}

static void only_what_was_cut(void **state UNUSED)
{
	static const struct {
		struct luks_status status;
		int r;
		const char *used, *next;
	} rows[] = {
		{ { 0 }, 0, "", "" }, /* no LUKS2 at all */
		{ { .is_luks2 = true }, 0, "", "" },
		{ { .is_luks2 = true, .is_reencrypting = true }, 0, "", "" },
		{ { .is_luks2 = true, .is_reencrypting = true, .has_hot_chunk = true },
		  HOT_CHUNK_FINISHED,
		  "used",
		  "none" },
		{ { .is_luks2 = true, .is_reencrypting = true, .is_rotating = true }, 0, "", "" },
		{ { .is_luks2 = true,
		    .is_reencrypting = true,
		    .is_rotating = true,
		    .has_hot_chunk = true },
		  HOT_CHUNK_FINISHED,
		  "used",
		  "next" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		status = rows[i].status;
		assert_int_equal(finish(), rows[i].r);
		assert_string_equal(used_with, rows[i].used);
		assert_string_equal(next_with, rows[i].next);
	}
}

static void what_fails_is_said(void **state UNUSED)
{
	looked = -EIO;
	assert_int_equal(finish(), -EIO);
	assert_said("can't be read");
	assert_string_equal(used_with, "");
	looked = 0;
	finished = -EIO;
	assert_int_equal(finish(), -EIO);
	assert_said("doesn't want to");
}

/* A slot of somebody's own opens one of two keys. */
static void a_key_is_missing(void **state UNUSED)
{
	for (int i = 0; i < 2; i++) {
		status.is_rotating = i;
		opened = -EPERM;
		assert_int_equal(finish(), -EPERM);
		assert_said("this passphrase doesn't open");
		assert_string_equal(used_with, "");
	}
}

static int setup(void **state UNUSED)
{
	status = (struct luks_status){ .is_luks2 = true,
				       .is_reencrypting = true,
				       .has_hot_chunk = true };
	looked = opened = finished = 0;
	fail_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_what_was_cut, setup),
		cmocka_unit_test_setup(what_fails_is_said, setup),
		cmocka_unit_test_setup(a_key_is_missing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
