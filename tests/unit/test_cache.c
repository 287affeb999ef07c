/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UNIT_SOURCES: tests/powercut/cache.c */
#include "tests/powercut/cache.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

#define DISK (1 * MIB)

static char path[] = "/tmp/panocrypt-cache-XXXXXX";
static struct cache cache;

static int make(void **state UNUSED)
{
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	close(fd);
	assert_int_equal(cache_open(&cache, path), 0);
	return 0;
}

static int unmake(void **state UNUSED)
{
	cache_close(&cache);
	return unlink(path);
}

static void put(uint64_t offset, uint8_t value, size_t len)
{
	uint8_t data[3 * CACHE_BLOCK];

	memset(data, value, len);
	assert_int_equal(cache_write(&cache, offset, data, len), 0);
}

static uint8_t on_disk(uint64_t offset)
{
	uint8_t value = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, &value, 1, (off_t)offset), 1);
	close(fd);
	return value;
}

static uint8_t seen(uint64_t offset)
{
	uint8_t data[CACHE_BLOCK];

	assert_int_equal(cache_read(&cache, offset, data, sizeof(data)), 0);
	return data[0];
}

static void reads_see_what_only_a_flush_makes_durable(void **state UNUSED)
{
	put(512, 1, 2 * CACHE_BLOCK);
	assert_int_equal(seen(511), 0);
	assert_int_equal(seen(512), 1);
	assert_int_equal(seen(2 * CACHE_BLOCK + 511), 1);
	assert_int_equal(seen(2 * CACHE_BLOCK + 512), 0);
	assert_int_equal(on_disk(512), 0);
	assert_int_equal(cache_flush(&cache), 0);
	assert_int_equal(on_disk(512), 1);
	assert_int_equal(cache_write(&cache, 0, NULL, 2 * CACHE_BLOCK), 0);
	assert_int_equal(seen(1024), 0);
	assert_int_equal(on_disk(1024), 1);
	assert_int_equal(cache_flush(&cache), 0);
	assert_int_equal(on_disk(1024), 0);
	assert_int_equal(seen(2 * CACHE_BLOCK + 100), 1);
}

/* Each outcome of three writes to one block, where the last one that survived is what is there. */
static void a_cut_leaves_any_of_them(void **state UNUSED)
{
	bool is_seen[4] = { false };

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct cache_loss loss;
		uint8_t value;

		put(0, 9, 512);
		assert_int_equal(cache_flush(&cache), 0);
		for (uint8_t i = 1; i <= 3; i++)
			put(0, i, 512);
		assert_int_equal(cache_cut(&cache, seed, &loss), 0);
		assert_int_equal(loss.kept + loss.lost, 3);
		value = on_disk(0);
		assert_true(value == 9 || (value >= 1 && value <= 3));
		assert_true(loss.kept > 0 || value == 9);
		is_seen[value == 9 ? 0 : value] = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(is_seen); i++)
		assert_true(is_seen[i]);
}

static void what_was_flushed_survives(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct cache_loss loss;

		put(8 * CACHE_BLOCK, (uint8_t)seed, 3 * CACHE_BLOCK);
		assert_int_equal(cache_flush(&cache), 0);
		put(0, 1, CACHE_BLOCK);
		assert_int_equal(cache_cut(&cache, seed, &loss), 0);
		assert_int_equal(on_disk(8 * CACHE_BLOCK), (uint8_t)seed);
		assert_int_equal(on_disk(11 * CACHE_BLOCK - 1), (uint8_t)seed);
	}
}

/* Sectors are whole, writes are not. */
static void a_write_is_torn_between_sectors(void **state UNUSED)
{
	size_t torn = 0;

	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct cache_loss loss;
		uint8_t data[CACHE_BLOCK];
		bool is_mixed = false;

		put(0, 1, CACHE_BLOCK);
		assert_int_equal(cache_flush(&cache), 0);
		put(0, 2, CACHE_BLOCK);
		assert_int_equal(cache_cut(&cache, seed, &loss), 0);
		assert_int_equal(cache_read(&cache, 0, data, sizeof(data)), 0);
		for (size_t i = 0; i < sizeof(data); i++) {
			assert_int_equal(data[i], data[i - i % 512]);
			is_mixed |= data[i] != data[0];
		}
		assert_true(!is_mixed || loss.torn == 1);
		torn += is_mixed;
	}
	assert_in_range(torn, 1, 60);
}

/* What the machine saw is what a flush makes of it, whatever came in which order. */
static void a_flush_leaves_what_reads_saw(void **state UNUSED)
{
	static uint8_t before[DISK], after[DISK];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	srandom(1);
	for (int i = 0; i < 2000; i++) {
		uint64_t offset = (uint64_t)random() % (DISK / 512 - 24) * 512;
		size_t len = ((size_t)random() % 24 + 1) * 512;

		if (random() % 4 == 0)
			assert_int_equal(cache_write(&cache, offset, NULL, len), 0);
		else
			put(offset, (uint8_t)random(), len);
	}
	assert_int_equal(cache_read(&cache, 0, before, DISK), 0);
	assert_int_equal(cache_flush(&cache), 0);
	assert_int_equal(pread(fd, after, DISK, 0), DISK);
	close(fd);
	assert_memory_equal(before, after, DISK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(reads_see_what_only_a_flush_makes_durable),
		TEST(a_cut_leaves_any_of_them),
		TEST(what_was_flushed_survives),
		TEST(a_write_is_torn_between_sectors),
		TEST(a_flush_leaves_what_reads_saw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
