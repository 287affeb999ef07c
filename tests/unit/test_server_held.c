/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of unlocks that wait for people: bounds, ends, who is forgotten.
 * UNIT_SOURCES: server/core/held.c
 */
#include "server/core/held.h"

#include "tests/unit/unit.h"

static struct unlock_item item_of(uint64_t connection, uint8_t source)
{
	struct unlock_item item = { .port = connection % 3, .now_ms = 1000 };

	item.request.head.connection = connection;
	item.source.bytes[15] = source;
	return item;
}

static void keeps_the_first_end(void **state)
{
	struct unlock_item item = item_of(7, 1);
	struct held *held;

	(void)state;
	assert_ok(held_open(&held));
	assert_true(held_add(held, &item));
	assert_false(held_look(held, 0, 1000 + HELD_MS - 1).is_last);
	item = held_take(held, 0, 5000);
	assert_int_equal(held_count(held), 0);
	assert_true(item.was_held);
	assert_false(item.is_last);
	assert_int_equal(item.request.head.connection, 7);
	assert_int_equal(item.port, 1);
	assert_int_equal(item.now_ms, 5000);
	/* Held again, it doesn't begin anew. */
	assert_true(held_add(held, &item));
	assert_false(held_look(held, 0, 1000 + HELD_MS - 1).is_last);
	assert_true(held_look(held, 0, 1000 + HELD_MS).is_last);
	held_close(held);
}

static void is_bounded(void **state)
{
	struct unlock_item item;
	struct held *held;
	uint64_t id = 0;

	(void)state;
	assert_ok(held_open(&held));
	for (unsigned source = 0; source < HELD_MAX / HELD_SOURCE_MAX; source++) {
		for (unsigned i = 0; i < HELD_SOURCE_MAX; i++) {
			item = item_of(++id, (uint8_t)source);
			assert_true(held_add(held, &item));
		}
		item = item_of(++id, (uint8_t)source);
		assert_false(held_add(held, &item));
	}
	assert_int_equal(held_count(held), HELD_MAX);
	item = item_of(++id, 255);
	assert_false(held_add(held, &item));
	held_forget(held, 1);
	assert_true(held_add(held, &item));
	held_close(held);
}

static void forgets_who_is_gone(void **state)
{
	struct held *held;

	(void)state;
	assert_ok(held_open(&held));
	for (uint64_t id = 1; id <= 9; id++) {
		struct unlock_item item = item_of(id, (uint8_t)id);

		assert_true(held_add(held, &item));
	}
	held_forget(held, 4);
	held_forget(held, 4);
	held_forget(held, 99);
	assert_int_equal(held_count(held), 8);
	held_forget_port(held, 2); /* 2, 5, 8 */
	assert_int_equal(held_count(held), 5);
	for (size_t i = 0; i < held_count(held); i++)
		assert_int_not_equal(held_look(held, i, 0).port, 2);
	held_close(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_first_end),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(forgets_who_is_gone),
	};

	return cmocka_run_group_tests_name("server_held", tests, NULL, NULL);
}
