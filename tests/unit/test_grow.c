/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `grow` around faked sizes: its order, when it is done, that a filesystem which didn't
 * grow is an error.
 * UNIT_SOURCES: bootstrap/phases/grow.c
 */
#include "bootstrap/block.h"
#include "bootstrap/fs.h"
#include "bootstrap/growth.h"
#include "bootstrap/phase.h"
#include "bootstrap/unlock.h"

#include "tests/unit/unit.h"

#define SHIFT (16 * MIB)
#define DEVICE_BYTES (4 * GIB)

static uint64_t mapping_bytes, filesystem_bytes, grown_bytes;
static char order[64];
static struct facts facts;
static struct job job = { .facts = &facts, .intent = { .shift_bytes = SHIFT } };

static void note(const char *what)
{
	strcat(order, what);
}

int block_find(const char *tag UNUSED, const char *value UNUSED, char *ret, size_t size)
{
	snprintf(ret, size, "/dev/root");
	return 0;
}

int block_size(const char *device, uint64_t *ret)
{
	*ret = strcmp(device, "/dev/root") == 0 ? DEVICE_BYTES : mapping_bytes;
	return 0;
}

int block_probe(const char *device UNUSED, struct block_content *ret)
{
	*ret = (struct block_content){ .type = "ext4" };
	return 0;
}

static int size_bytes(const char *device UNUSED, struct view *view UNUSED, uint64_t *ret_size,
		      uint64_t *ret_used)
{
	*ret_size = filesystem_bytes;
	*ret_used = 0;
	return 0;
}

static int grow(const char *device)
{
	assert_string_equal(device, "/dev/mapper/cryptroot");
	note("filesystem ");
	filesystem_bytes = grown_bytes;
	return 0;
}

int fs_find(const char *name UNUSED, const struct fs **ret)
{
	static const struct fs fs = { .name = "ext4", .size_bytes = size_bytes, .grow = grow };

	*ret = &fs;
	return 0;
}

int unlock_volume_key(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		      struct secret *ret)
{
	return secret_random(ret, 64);
}

int luks_resize_active(const char *name, const struct secret *volume_key)
{
	assert_string_equal(name, "cryptroot");
	assert_int_equal(volume_key->len, 64);
	note("mapping ");
	mapping_bytes = DEVICE_BYTES - SHIFT;
	return 0;
}

static bool is_held;

int growth_unlock(struct job *unused UNUSED)
{
	note("services ");
	is_held = false;
	return 0;
}

bool growth_is_held(const struct job *unused UNUSED)
{
	return is_held;
}

static int reset(void **state)
{
	(void)state;
	facts.root_kind = ROOT_LUKS;
	mapping_bytes = filesystem_bytes = GIB;
	grown_bytes = DEVICE_BYTES - SHIFT;
	is_held = true;
	order[0] = '\0';
	return 0;
}

static void grows_in_order(void **state)
{
	(void)state;
	assert_int_equal(phase_grow.done(&job), 0);
	assert_ok(phase_grow.run(&job));
	assert_string_equal(order, "mapping services filesystem ");
	assert_int_equal(phase_grow.done(&job), 1);
}

/* After a reboot the distribution maps everything by itself. */
static void mapping_may_be_whole_already(void **state)
{
	(void)state;
	mapping_bytes = DEVICE_BYTES - SHIFT;
	assert_int_equal(phase_grow.done(&job), 0);
	assert_ok(phase_grow.run(&job));
	assert_string_equal(order, "services filesystem ");
}

static void small_rest_is_done_a_shift_is_not(void **state)
{
	(void)state;
	is_held = false;
	mapping_bytes = DEVICE_BYTES - SHIFT;
	filesystem_bytes = mapping_bytes - 3 * MIB;
	assert_int_equal(phase_grow.done(&job), 1);
	filesystem_bytes = mapping_bytes - SHIFT;
	assert_int_equal(phase_grow.done(&job), 0);
}

/* A cut let only one of them go, and at the next boot that grew the filesystem. */
static void what_is_still_held_back_is_let_go(void **state)
{
	(void)state;
	mapping_bytes = filesystem_bytes = DEVICE_BYTES - SHIFT;
	assert_int_equal(phase_grow.done(&job), 0);
	assert_ok(phase_grow.run(&job));
	assert_string_equal(order, "services filesystem ");
	assert_int_equal(phase_grow.done(&job), 1);
}

static void a_filesystem_that_stays_small_is_an_error(void **state)
{
	(void)state;
	grown_bytes = GIB;
	assert_int_equal(phase_grow.run(&job), -EIO);
}

static void a_plain_root_is_not_done(void **state)
{
	(void)state;
	facts.root_kind = ROOT_PARTITION;
	assert_int_equal(phase_grow.done(&job), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(grows_in_order, reset),
		cmocka_unit_test_setup(mapping_may_be_whole_already, reset),
		cmocka_unit_test_setup(small_rest_is_done_a_shift_is_not, reset),
		cmocka_unit_test_setup(what_is_still_held_back_is_let_go, reset),
		cmocka_unit_test_setup(a_filesystem_that_stays_small_is_an_error, reset),
		cmocka_unit_test_setup(a_plain_root_is_not_done, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
