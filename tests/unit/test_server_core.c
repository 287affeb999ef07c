/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core process itself, forked and sandboxed as it will run, with the test as monitor, front and
 * admin. Also the two small tables that only it uses: connections and throttle.
 * UNIT_SOURCES: server/core/core.c server/core/serve.c server/core/unlock*.c server/core/redeem.c
 * UNIT_SOURCES: server/core/reboot.c
 * UNIT_SOURCES: server/core/decide.c server/message_io.c server/process.c server/sandbox.c
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/checkpoint.c
 * UNIT_SOURCES: server/core/checkpoint_gap.c server/core/checkpoint_prune.c
 * UNIT_SOURCES: server/core/checkpoint_format.c server/core/witness.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/core/facts.c server/waiver.c
 * UNIT_SOURCES: server/core/held.c server/core/explain.c
 * UNIT_SOURCES: server/authorizer.c server/core/consult.c server/core/authorizer.c
 */
#include "tests/unit/server_running.h"

/* The peer's end shows that core doesn't talk to it any more. */
static void assert_dropped(struct message_port *port)
{
	struct pollfd one = { .fd = port->fd, .events = POLLIN };
	union message message;

	assert_int_equal(poll(&one, 1, 10000), 1);
	assert_int_equal(message_receive(port, &message, NULL), MESSAGE_END);
}

static void serves_exchanges_by_connection(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message answer;

	/* The question is there before core has read who the connection is. */
	open_connection(running, 1, "192.0.2.7");
	open_connection(running, 2, "198.51.100.7");
	send_exchange(running, 0, 1, 11, &device);
	expect(&running->fronts[0], MESSAGE_EXCHANGED, &answer);
	assert_int_equal(answer.exchanged.status, 200);
	assert_int_equal(answer.head.connection, 1);
	assert_int_equal(answer.head.request, 11);
	send_exchange(running, 1, 2, 12, &device);
	expect(&running->fronts[1], MESSAGE_EXCHANGED, &answer);
	assert_int_equal(answer.exchanged.status, 403);
}

static void advertises(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	char first[4096] = "";
	union message message;

	open_connection(running, 1, "198.51.100.7"); /* the source doesn't matter */
	for (int i = 0; i < 5; i++) {
		message_start(&message, MESSAGE_ADVERTISE, 1, 1);
		memcpy(message.advertise.device, device.device, DEVICE_ID_BYTES);
		if (i == 2)
			strcpy(message.advertise.thumbprint, device.thumbprint);
		if (i == 3)
			message.advertise.thumbprint[0] = 'x';
		if (i == 4)
			fixture_sql(running->fixture, "UPDATE device SET revoked_s = 1");
		assert_ok(message_send(&running->fronts[0], &message, -1));
		expect(&running->fronts[0], MESSAGE_ADVERTISEMENT, &message);
		assert_int_equal(message.advertisement.status, i < 3 ? 200 : 403);
		if (i == 0)
			memcpy(first, message.advertisement.text, sizeof(first));
		else if (i < 3) /* signed once, kept */
			assert_memory_equal(first, message.advertisement.text, sizeof(first));
	}
}

static void mints_and_redeems(void **state)
{
	struct running *running = *state;
	union message message;
	char key[13];

	open_connection(running, 1, "192.0.2.7");
	message_start(&message, MESSAGE_MINT_KEY, 1, 1);
	memcpy(message.mint_key.organization, running->fixture->by.organization, 16);
	strcpy(message.mint_key.actor, "alice");
	strcpy(message.mint_key.tags, "[]");
	strcpy(message.mint_key.networks, "[]");
	strcpy(message.mint_key.approval, "none");
	message.mint_key.max_uses = 1;
	message.mint_key.expires_in_s = 60;
	assert_ok(message_send(&running->admin, &message, -1));
	expect(&running->admin, MESSAGE_KEY_MINTED, &message);
	assert_int_equal(message.key_minted.status, 201);
	memcpy(key, message.key_minted.key, sizeof(key));
	message_start(&message, MESSAGE_REDEEM, 1, 2);
	memcpy(message.redeem.key, key, sizeof(key));
	assert_ok(message_send(&running->admin, &message, -1));
	expect(&running->admin, MESSAGE_REDEEMED, &message);
	assert_int_equal(message.redeemed.status, 201);
	assert_int_equal(strlen(message.redeemed.report_token), 43);
}

static void drops_who_invents_connections(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message answer;

	open_connection(running, 1, "192.0.2.7");
	send_exchange(running, 0, 4711, 11, &device);
	assert_dropped(&running->fronts[0]);
	/* The other one is still served. */
	send_exchange(running, 1, 1, 12, &device);
	expect(&running->fronts[1], MESSAGE_EXCHANGED, &answer);
	assert_int_equal(answer.exchanged.status, 200);
	assert_int_equal(fixture_number(running->fixture, "SELECT count(*) FROM audit"
							  " WHERE event = 'unlock-allowed'"),
			 1);
	/* And with the last front core ends, so that the monitor starts all again. */
	send_exchange(running, 1, 4711, 13, &device);
	assert_dropped(&running->fronts[1]);
	assert_int_equal(WEXITSTATUS(wait_core(running)), 1);
}

static void drops_who_breaks_the_table(void **state)
{
	struct running *running = *state;
	struct message_redeem redeem = { .head = { MESSAGE_REDEEM, sizeof(redeem), 1, 1 } };
	struct message_head head = { MESSAGE_EXCHANGE, sizeof(head), 1, 1 };

	open_connection(running, 1, "192.0.2.7");
	/* A front may not redeem; an exchange of a wrong size is none. */
	assert_int_equal(send(running->fronts[0].fd, &redeem, sizeof(redeem), 0), sizeof(redeem));
	assert_dropped(&running->fronts[0]);
	assert_int_equal(send(running->fronts[1].fd, &head, sizeof(head), 0), sizeof(head));
	assert_dropped(&running->fronts[1]);
	assert_int_equal(WEXITSTATUS(wait_core(running)), 1);
}

static void forgets_connections(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message message;

	open_connection(running, 1, "192.0.2.7");
	send_exchange(running, 0, 1, 1, &device);
	message_start(&message, MESSAGE_CONNECTION_DONE, 1, 0);
	assert_ok(message_send(&running->fronts[0], &message, -1));
	expect(&running->fronts[0], MESSAGE_EXCHANGED, &message);
	assert_int_equal(message.exchanged.status, 200);
	send_exchange(running, 0, 1, 2, &device);
	assert_dropped(&running->fronts[0]);
}

/* A front died: what it had asked is behind the monitor's word, and no breach. */
static void answers_questions_of_the_dead(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message message;

	open_connection(running, 1, "192.0.2.7");
	kill(running->pid, SIGSTOP);
	for (uint64_t i = 1; i <= UNLOCK_BATCH_MAX + 10; i++)
		send_exchange(running, 0, 1, i, &device);
	message_start(&message, MESSAGE_CONNECTION_CLOSED, 1, 0);
	assert_ok(message_send(&running->monitor, &message, -1));
	kill(running->pid, SIGCONT);
	for (uint64_t i = 1; i <= UNLOCK_BATCH_MAX + 10; i++) {
		expect(&running->fronts[0], MESSAGE_EXCHANGED, &message);
		assert_int_equal(message.exchanged.status, 200);
		assert_int_equal(message.head.request, i);
	}
	send_exchange(running, 1, 1, 99, &device);
	assert_dropped(&running->fronts[1]); /* by then it is forgotten */
}

static void tells_when_it_is_unwell(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message message;
	bool told = false, answered = false;

	open_connection(running, 1, "192.0.2.7");
	assert_ok(store_begin(running->fixture->parts.store)); /* the test holds the store */
	send_exchange(running, 0, 1, 1, &device);
	while (!told || !answered) {
		struct pollfd one = { .fd = running->fronts[0].fd, .events = POLLIN };

		assert_int_equal(poll(&one, 1, 10000), 1);
		assert_ok(message_receive(&running->fronts[0], &message, NULL));
		if (message.head.type == MESSAGE_HEALTH) {
			assert_int_equal(message.health.healthy, 0);
			assert_non_null(strstr(message.health.reason, "another process"));
			told = true;
		} else {
			assert_int_equal(message.head.type, MESSAGE_EXCHANGED);
			assert_int_equal(message.exchanged.status, 503);
			answered = true;
		}
	}
	expect(&running->admin, MESSAGE_HEALTH, &message);
	store_rollback(running->fixture->parts.store);
	expect(&running->admin, MESSAGE_HEALTH, &message);
	assert_int_equal(message.health.healthy, 1);
	send_exchange(running, 1, 1, 2, &device);
	expect(&running->fronts[1], MESSAGE_HEALTH, &message);
	expect(&running->fronts[1], MESSAGE_HEALTH, &message);
	expect(&running->fronts[1], MESSAGE_EXCHANGED, &message);
	assert_int_equal(message.exchanged.status, 200);
}

/* What was only counted is written at the end. */
static void writes_counts_when_stopped(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	union message answer;

	open_connection(running, 1, "198.51.100.7");
	for (uint64_t i = 1; i <= 5; i++) {
		send_exchange(running, 0, 1, i, &device);
		expect(&running->fronts[0], MESSAGE_EXCHANGED, &answer);
	}
	kill(running->pid, SIGTERM);
	assert_int_equal(wait_core(running), 0);
	assert_int_equal(fixture_number(running->fixture, "SELECT sum(count) FROM audit"
							  " WHERE event = 'unlock-denied'"),
			 5);
	assert_ok(store_audit_verify(running->fixture->parts.store));
}

/* Killed at any moment: every answer that got out has its row. */
static void audits_before_it_answers(void **state)
{
	struct running *running = *state;
	struct message_redeemed device = fixture_device(running->fixture, "[\"192.0.2.0/24\"]");
	long long answers = 0;
	union message answer;
	int r = 0;

	open_connection(running, 1, "192.0.2.7");
	for (uint64_t i = 1; i <= 200; i++)
		send_exchange(running, i % 2, 1, i, &device);
	/* One answer is read, the others are on their way when the kill comes. */
	expect(&running->fronts[0], MESSAGE_EXCHANGED, &answer);
	answers++;
	usleep((useconds_t)(getpid() % 7) * 3000); /* another moment in every run */
	kill(running->pid, SIGKILL);
	assert_true(WIFSIGNALED(wait_core(running)));
	for (size_t front = 0; front < 2; front++)
		while ((r = message_receive(&running->fronts[front], &answer, NULL)) == 0)
			answers += answer.exchanged.status == 200;
	assert_int_equal(r, MESSAGE_END);
	assert_in_range(answers, 1, 200);
	assert_true(fixture_number(running->fixture, "SELECT count(*) FROM audit"
						     " WHERE event = 'unlock-allowed'") >= answers);
	assert_ok(store_audit_verify(running->fixture->parts.store));
}

static void ends_with_the_monitor(void **state)
{
	struct running *running = *state;

	shutdown(running->monitor.fd, SHUT_RDWR);
	assert_int_equal(wait_core(running), 0);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void keeps_connections(void **state)
{
	CLEANUP(connections_closep) struct connections *connections = NULL;
	struct source_address source = fixture_source("192.0.2.7");

	(void)state;
	assert_ok(connections_open(&connections));
	assert_int_equal(connections_add(connections, 0, &source), -EPROTO);
	/* Ids that fall on one place, removed in another order. */
	for (uint64_t i = 1; i <= 40; i++) {
		source.port = (uint16_t)i;
		assert_ok(connections_add(connections, 5 + (i % 4) * 65536 + i / 4, &source));
	}
	assert_int_equal(connections_add(connections, 5 + 65536, &source), -EPROTO);
	for (uint64_t gone = 1; gone <= 40; gone++) {
		connections_remove(connections, 5 + (gone % 4) * 65536 + gone / 4);
		for (uint64_t i = 1; i <= 40; i++) {
			const struct source_address *found = connections_source(
				connections, 5 + (i % 4) * 65536 + i / 4);

			if ((found != NULL) != (i > gone))
				fail_msg("after %d: %d", (int)gone, (int)i);
			if (found)
				assert_int_equal(found->port, i);
		}
	}
	connections_remove(connections, 77);
	connections_end(connections, 77);
	assert_int_equal(connections_ended(connections), 0);
	assert_ok(connections_add(connections, 9, &source));
	connections_end(connections, 9);
	assert_non_null(connections_source(connections, 9));
	connections_forget(connections, connections_ended(connections));
	assert_null(connections_source(connections, 9));
	for (uint64_t i = 1; i <= 49152; i++)
		assert_ok(connections_add(connections, i, &source));
	assert_int_equal(connections_add(connections, 50000, &source), -ENOBUFS);
}

static void throttles(void **state)
{
	CLEANUP(throttle_closep) struct throttle *throttle = NULL;
	struct source_address one = fixture_source("2001:db8::1");
	struct source_address near = fixture_source("2001:db8::2");
	struct source_address far = fixture_source("2001:db8:0:1::1");
	uint64_t now = 1000, longest = 0;

	(void)state;
	assert_ok(throttle_open(&throttle));
	for (int i = 0; i < 4; i++)
		throttle_failed(throttle, &one, now);
	assert_true(throttle_allows(throttle, &one, now));
	throttle_failed(throttle, &one, now);
	assert_false(throttle_allows(throttle, &one, now));
	assert_false(throttle_allows(throttle, &near, now)); /* the same /64 */
	assert_true(throttle_allows(throttle, &far, now));
	assert_true(throttle_allows(throttle, &one, now + 1000));
	for (int i = 0; i < 40; i++) {
		uint64_t pause = 0;

		throttle_failed(throttle, &one, now);
		while (!throttle_allows(throttle, &one, now + pause))
			pause += 1000;
		assert_true(pause >= longest && pause <= 3600 * 1000);
		longest = pause;
	}
	assert_int_equal(longest, 3600 * 1000);
	now += 3600 * 1000 + 1; /* forgotten */
	throttle_failed(throttle, &one, now);
	assert_true(throttle_allows(throttle, &one, now));
	/* Thousands of others don't free a busy guesser at once: the quietest makes room. */
	for (int i = 0; i < 5; i++)
		throttle_failed(throttle, &one, now + 5);
	for (int i = 0; i < 1023; i++) {
		struct source_address other = fixture_source("10.0.0.0");

		other.bytes[14] = (uint8_t)(i / 256);
		other.bytes[15] = (uint8_t)i;
		throttle_failed(throttle, &other, now);
	}
	throttle_failed(throttle, &far, now + 6);
	assert_false(throttle_allows(throttle, &one, now + 6));
}

#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, start_core, stop_core)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CORE(serves_exchanges_by_connection),
		WITH_CORE(advertises),
		WITH_CORE(mints_and_redeems),
		WITH_CORE(drops_who_invents_connections),
		WITH_CORE(drops_who_breaks_the_table),
		WITH_CORE(forgets_connections),
		WITH_CORE(answers_questions_of_the_dead),
		WITH_CORE(tells_when_it_is_unwell),
		WITH_CORE(writes_counts_when_stopped),
		WITH_CORE(audits_before_it_answers),
		WITH_CORE(ends_with_the_monitor),
		cmocka_unit_test(keeps_connections),
		cmocka_unit_test(throttles),
	};

	return cmocka_run_group_tests_name("server_core", tests, NULL, NULL);
}
