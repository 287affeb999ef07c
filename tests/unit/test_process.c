/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process and message tables, and messages on a real pair.
 * UNIT_SOURCES: server/process.c server/message_io.c server/reason.c
 */
#include "server/message_io.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "tests/unit/unit.h"

static void fronts_hold_little(void **state)
{
	uint32_t front = process_table[PROCESS_FRONT].holds;
	uint32_t admin = process_table[PROCESS_ADMIN].holds;
	uint32_t core = process_table[PROCESS_CORE].holds;

	(void)state;
	assert_int_equal(front & (HOLDS_DATABASE | HOLDS_EXCHANGE_KEYS | HOLDS_LISTENERS), 0);
	assert_int_equal(admin & (HOLDS_EXCHANGE_KEYS | HOLDS_LISTENERS), 0);
	assert_int_equal(core & (HOLDS_CLIENTS | HOLDS_LISTENERS | HOLDS_TLS_KEY), 0);
	assert_int_equal(process_table[PROCESS_MONITOR].holds, HOLDS_LISTENERS);
	/* Who has a way out has nothing else, and nobody else has one. */
	for (int kind = 0; kind < PROCESS_KIND_COUNT; kind++)
		if (process_table[kind].holds & HOLDS_NETWORK)
			assert_int_equal(process_table[kind].holds, HOLDS_NETWORK);
	assert_int_equal(process_table[PROCESS_COURIER].holds, HOLDS_NETWORK);
}

static void every_rule_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < message_rules_count; i++) {
		const struct message_rule *rule = &message_rules[i];

		assert_ptr_equal(process_rule(rule->type, rule->from, rule->to), rule);
		assert_in_range(rule->type, 1, MESSAGE_TYPE_COUNT - 1);
		assert_int_not_equal(rule->from, rule->to);
		assert_int_not_equal(rule->states, 0);
		assert_in_range(rule->size_bytes, sizeof(struct message_head), MESSAGE_MAX_BYTES);
	}
	/* A front can't say where a connection comes from, nor ask for an enrollment. */
	assert_null(process_rule(MESSAGE_CONNECTION_OPEN, PROCESS_FRONT, PROCESS_CORE));
	assert_null(process_rule(MESSAGE_REDEEM, PROCESS_FRONT, PROCESS_CORE));
	assert_null(process_rule(MESSAGE_MINT_KEY, PROCESS_FRONT, PROCESS_CORE));
	assert_null(process_rule(MESSAGE_ROTATE, PROCESS_FRONT, PROCESS_CORE));
	assert_null(process_rule(MESSAGE_LEAF, PROCESS_ADMIN, PROCESS_FRONT));
	/* Only core sends the courier out, and it answers nobody else. */
	for (size_t i = 0; i < message_rules_count; i++) {
		const struct message_rule *rule = &message_rules[i];

		if (rule->to == PROCESS_COURIER)
			assert_int_equal(rule->type, MESSAGE_DELIVER);
		if (rule->type == MESSAGE_DELIVER)
			assert_int_equal(rule->from, PROCESS_CORE);
		if (rule->from == PROCESS_COURIER)
			assert_true(rule->type == MESSAGE_DELIVERED || rule->type == MESSAGE_READY);
	}
	assert_null(process_rule(MESSAGE_LEAF, PROCESS_MONITOR, PROCESS_CORE));
}

struct pair {
	int fds[2];
	struct message_port front, core;
};

static void open_pair(struct pair *ret)
{
	assert_ok(message_pair(ret->fds));
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(ret->fds[i], F_SETFL, O_NONBLOCK), 0);
	ret->front = (struct message_port){ ret->fds[0], PROCESS_FRONT, PROCESS_CORE,
					    PROCESS_SERVING };
	ret->core = (struct message_port){ ret->fds[1], PROCESS_CORE, PROCESS_FRONT,
					   PROCESS_SERVING };
}

static void close_pair(struct pair *pair)
{
	close(pair->fds[0]);
	close(pair->fds[1]);
}

static void passes_messages(void **state)
{
	union message sent, got;
	struct pair pair;

	(void)state;
	open_pair(&pair);
	assert_int_equal(message_receive(&pair.core, &got, NULL), MESSAGE_LATER);
	message_start(&sent, MESSAGE_ADVERTISE, 7, 8);
	strcpy(sent.advertise.thumbprint, "abc");
	assert_ok(message_send(&pair.front, &sent, -1));
	assert_ok(message_receive(&pair.core, &got, NULL));
	assert_int_equal(got.head.type, MESSAGE_ADVERTISE);
	assert_int_equal(got.head.connection, 7);
	assert_int_equal(got.head.request, 8);
	assert_string_equal(got.advertise.thumbprint, "abc");
	close(pair.fds[0]);
	assert_int_equal(message_receive(&pair.core, &got, NULL), MESSAGE_END);
	close(pair.fds[1]);
}

static void sender_obeys_the_table(void **state)
{
	union message message;
	struct pair pair;

	(void)state;
	open_pair(&pair);
	message_start(&message, MESSAGE_REDEEM, 1, 1);
	assert_int_equal(message_send(&pair.front, &message, -1), -EPERM);
	message_start(&message, MESSAGE_ADVERTISE, 1, 1);
	assert_int_equal(message_send(&pair.front, &message, pair.fds[0]), -EPERM);
	pair.front.state = PROCESS_STARTING;
	assert_int_equal(message_send(&pair.front, &message, -1), -EPERM);
	close_pair(&pair);
}

static void queue_has_an_end(void **state)
{
	union message message;
	struct pair pair;
	int r = 0;

	(void)state;
	open_pair(&pair);
	message_start(&message, MESSAGE_ADVERTISE, 1, 1);
	for (int i = 0; i < 1000000 && !r; i++)
		r = message_send(&pair.front, &message, -1);
	assert_int_equal(r, MESSAGE_LATER);
	close_pair(&pair);
}

static void receiver_refuses_breaches(void **state)
{
	struct message_port core = { -1, PROCESS_CORE, PROCESS_FRONT, PROCESS_SERVING };
	struct message_port front = { -1, PROCESS_FRONT, PROCESS_CORE, PROCESS_SERVING };
	const size_t size = sizeof(struct message_advertise);
	union message message, got;

	(void)state;
	message_start(&message, MESSAGE_ADVERTISE, 1, 1);
	message.head.size_bytes = (uint32_t)size;
	assert_ok(message_decode(message.bytes, size, 0, &core, &got));
	assert_int_equal(message_decode(message.bytes, size - 1, 0, &core, &got), -EPROTO);
	assert_int_equal(message_decode(message.bytes, size + 1, 0, &core, &got), -EPROTO);
	assert_int_equal(message_decode(message.bytes, 0, 0, &core, &got), -EPROTO);
	assert_int_equal(message_decode(message.bytes, size, 1, &core, &got), -EPROTO);
	assert_int_equal(message_decode(message.bytes, size, 0, &front, &got), -EPROTO);
	message.head.size_bytes++;
	assert_int_equal(message_decode(message.bytes, size, 0, &core, &got), -EPROTO);
	message.head.size_bytes--;
	memset(message.advertise.thumbprint, 'a', sizeof(message.advertise.thumbprint));
	assert_int_equal(message_decode(message.bytes, size, 0, &core, &got), -EPROTO);
	message_start(&message, MESSAGE_ADVERTISEMENT, 1, 1);
	message.head.size_bytes = sizeof(message.advertisement);
	message.advertisement.len = sizeof(message.advertisement.text) + 1;
	assert_int_equal(
		message_decode(message.bytes, sizeof(message.advertisement), 0, &front, &got),
		-EPROTO);
	message_start(&message, MESSAGE_EXCHANGE, 1, 1);
	message.head.size_bytes = sizeof(message.exchange);
	message.exchange.curve = 2;
	assert_int_equal(message_decode(message.bytes, sizeof(message.exchange), 0, &core, &got),
			 -EPROTO);
}

static void passes_sockets(void **state)
{
	struct message_port monitor = { -1, PROCESS_MONITOR, PROCESS_FRONT, PROCESS_SERVING };
	struct message_port front = { -1, PROCESS_FRONT, PROCESS_MONITOR, PROCESS_SERVING };
	union message message, got;
	int fds[2], passed = -1;

	(void)state;
	assert_ok(message_pair(fds));
	monitor.fd = fds[0];
	front.fd = fds[1];
	message_start(&message, MESSAGE_SOCKET, 3, 0);
	assert_int_equal(message_send(&monitor, &message, -1), -EPERM);
	assert_ok(message_send(&monitor, &message, STDERR_FILENO));
	assert_ok(message_receive(&front, &got, &passed));
	assert_true(passed > STDERR_FILENO);
	assert_int_equal(fcntl(passed, F_GETFD), FD_CLOEXEC);
	close(passed);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fronts_hold_little), cmocka_unit_test(every_rule_is_sound),
		cmocka_unit_test(passes_messages),    cmocka_unit_test(sender_obeys_the_table),
		cmocka_unit_test(queue_has_an_end),   cmocka_unit_test(receiver_refuses_breaches),
		cmocka_unit_test(passes_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
