/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real core, in a process and sandbox of its own, asked by a front that an intruder runs: hostile
 * MESSAGES SEED. This program is the monitor (which is honest: it names connections), an admin that
 * is silent, and the fronts. What core answers must be among what an oracle allows that shares no
 * code with it: the source address that the monitor named for that connection lies in the device's
 * ranges, the device is active, the key is the device's, the point is on the curve; and then the
 * answer must be the right product. Fronts that break the contract are dropped, and those that
 * don't go on being served. Prints what was asked and answered.
 *
 * UNIT_SOURCES: server/core/?*.c server/store/?*.c server/cidr.c server/config*.c server/reason.c
 * UNIT_SOURCES: server/process.c server/message_io.c server/sandbox.c server/rate.c
 * UNIT_SOURCES: server/authorizer.c
 * UNIT_SOURCES: server/waiver.c tests/fault/hostile_*.c
 */
#include <poll.h>
#include <sys/socket.h>

#include "tests/fault/hostile.h"

#define WINDOW 128 /* questions that are under way at once */

static struct asked {
	uint64_t request;
	bool is_allowed;
	size_t device, point;
} window[WINDOW];

static struct {
	unsigned long asked, allowed, answered, denied, breaches, restarts, advertisements, honest;
} counts;

static uint64_t next_request = 1;

static void open_connection(size_t at)
{
	name_connection(at, draw_address());
}

/* --- the oracle ------------------------------------------------------------------------------- */

static bool is_in(uint32_t address, const struct device *device)
{
	uint32_t mask = device->bits == 0 ? 0 : UINT32_MAX << (32 - device->bits);

	return (address & mask) == (device->network & mask);
}

static void check_product(const struct asked *asked, const struct message_exchanged *answer)
{
	EC_POINT *want = EC_POINT_new(world.group), *got = EC_POINT_new(world.group);
	BIGNUM *x = BN_bin2bn(answer->x, FIELD_BYTES_MAX, NULL);
	BIGNUM *y = BN_bin2bn(answer->y, FIELD_BYTES_MAX, NULL);

	NEED(EC_POINT_mul(world.group, want, NULL, world.devices[asked->device].public,
			  world.points[asked->point].scalar, world.work));
	NEED(EC_POINT_set_affine_coordinates(world.group, got, x, y, world.work));
	NEED(EC_POINT_cmp(world.group, want, got, world.work) == 0);
	EC_POINT_free(want);
	EC_POINT_free(got);
	BN_free(x);
	BN_free(y);
}

static void check_answer(const union message *message)
{
	static const uint8_t zeros[2 * FIELD_BYTES_MAX];
	struct asked *asked = &window[message->head.request % WINDOW];
	const struct message_exchanged *answer = &message->exchanged;

	NEED(asked->request == message->head.request);
	asked->request = 0;
	if (message->head.type == MESSAGE_ADVERTISEMENT) {
		counts.advertisements++;
		return;
	}
	NEED(message->head.type == MESSAGE_EXCHANGED);
	if (answer->status != 200) {
		counts.denied++;
		NEED(memcmp(answer->x, zeros, FIELD_BYTES_MAX) == 0 &&
		     memcmp(answer->y, zeros, FIELD_BYTES_MAX) == 0);
		return;
	}
	counts.answered++;
	NEED(asked->is_allowed);
	check_product(asked, answer);
}

/* --- the intruder ----------------------------------------------------------------------------- */

static void spoil(char kid[static THUMBPRINT_CHARS + 1])
{
	switch (draw(3)) {
	case 0: kid[draw(THUMBPRINT_CHARS)] ^= 1; break;
	case 1: kid[0] = 0; break;
	default: memset(kid, 'A', THUMBPRINT_CHARS); break;
	}
}

/* An exchange within the contract: of any connection that is open, for any device, key and point.
 */
static void make_exchange(union message *message, uint64_t connection, uint32_t address)
{
	struct asked *asked = &window[next_request % WINDOW];
	size_t device = draw(INTRUDED), key = draw(8) ? device : draw(DEVICES);
	struct point point;
	bool is_spoiled = draw(6) == 0, is_p521 = draw(12) != 0;

	asked->device = device;
	asked->point = draw(POINTS);
	asked->request = next_request;
	point = world.points[asked->point];
	message_start(message, MESSAGE_EXCHANGE, connection, next_request++);
	memcpy(message->exchange.device, world.devices[device].id, DEVICE_ID_BYTES);
	memcpy(message->exchange.thumbprint, world.devices[key].kid, THUMBPRINT_CHARS + 1);
	if (is_spoiled)
		spoil(message->exchange.thumbprint);
	message->exchange.curve = is_p521 ? MESSAGE_CURVE_P521 : MESSAGE_CURVE_P256;
	memcpy(message->exchange.x, point.x, FIELD_BYTES_MAX);
	memcpy(message->exchange.y, point.y, FIELD_BYTES_MAX);
	if (draw(16) == 0)
		message->exchange.device[draw(DEVICE_ID_BYTES)] ^= (uint8_t)(1 + draw(255));
	asked->is_allowed = memcmp(message->exchange.device, world.devices[device].id, 16) == 0 &&
			    world.devices[device].state == ACTIVE &&
			    is_in(address, &world.devices[device]) && key == device &&
			    !is_spoiled && is_p521 && point.scalar;
	counts.allowed += asked->is_allowed;
}

static void make_advertise(union message *message, uint64_t connection)
{
	window[next_request % WINDOW] = (struct asked){ .request = next_request };
	message_start(message, MESSAGE_ADVERTISE, connection, next_request++);
	memcpy(message->advertise.device, world.devices[draw(INTRUDED)].id, DEVICE_ID_BYTES);
	if (draw(2))
		spoil(message->advertise.thumbprint);
}

/* Waits for the answer in this place of the window. */
static void drain(const struct message_port *from, size_t at)
{
	union message message;

	while (window[at].request != 0) {
		int r = message_receive(from, &message, NULL);

		NEED(r == 0);
		if (message.head.type != MESSAGE_HEALTH)
			check_answer(&message);
	}
}

static void drain_all(const struct message_port *from)
{
	for (size_t i = 0; i < WINDOW; i++)
		drain(from, i);
}

static void ask_within_contract(const struct message_port *front)
{
	size_t at = draw(CONNECTIONS);
	union message message;

	if (!core.connections[at].is_open || draw(50) == 0)
		open_connection(at);
	drain(front, next_request % WINDOW);
	if (draw(40) == 0)
		make_advertise(&message, core.connections[at].id);
	else
		make_exchange(&message, core.connections[at].id, core.connections[at].address);
	NEED(message_send(front, &message, -1) == 0);
	counts.asked++;
}

/* Bytes that no honest front sends. Core must end the conversation and nothing else. */
static void break_contract(struct message_port *front)
{
	union message message = { .bytes = { 0 } };
	size_t len = sizeof(struct message_exchange);
	const struct message_rule *rule;
	uint8_t rest;

	make_exchange(&message, core.connections[0].id, core.connections[0].address);
	window[(next_request - 1) % WINDOW].request = 0;
	message.head.size_bytes = (uint32_t)len;
	switch (draw(8)) {
	case 0: /* noise of any length */
		len = 1 + draw(MESSAGE_MAX_BYTES);
		for (size_t i = 0; i < len; i++)
			message.bytes[i] = (uint8_t)draw(256);
		break;
	case 1: message.head.type = (uint32_t)draw(UINT32_MAX); break;
	case 2: message.head.size_bytes = (uint32_t)draw(UINT32_MAX); break;
	case 3: len = draw(len); break;
	case 4: message.head.connection = core.next_connection + draw(1ULL << 40); break;
	case 5: message.exchange.curve = 4 + (uint32_t)draw(1000); break;
	case 6: memset(message.exchange.thumbprint, 'A', THUMBPRINT_CHARS + 1); break; /* no end */
	default: /* what others may say */
		message_start(&message, draw(2) ? MESSAGE_MINT_KEY : MESSAGE_CONNECTION_OPEN,
			      core.next_connection + 5, next_request);
		rule = process_rule(message.head.type,
				    message.head.type == MESSAGE_MINT_KEY ? PROCESS_ADMIN
									  : PROCESS_MONITOR,
				    PROCESS_CORE);
		len = rule->size_bytes;
		message.head.size_bytes = (uint32_t)len;
		break;
	}
	NEED(send(front->fd, message.bytes, len, MSG_NOSIGNAL) == (ssize_t)len || len == 0);
	counts.asked++;
	counts.breaches++;
	NEED(recv(front->fd, &rest, 1, 0) <= 0);
	close(front->fd);
	front->fd = -1;
}

/* Served beside an intruder as ever, at once. */
static void ask_honestly(const struct message_port *front)
{
	const struct device *device = &world.devices[INTRUDED];
	struct asked *asked = &window[next_request % WINDOW];
	unsigned long answered = counts.answered;
	union message message;

	name_connection(0, device->network + (uint32_t)draw(1 << 17));
	*asked = (struct asked){ next_request, true, INTRUDED, draw(POINTS - 2) };
	message_start(&message, MESSAGE_EXCHANGE, core.connections[0].id, next_request++);
	memcpy(message.exchange.device, device->id, DEVICE_ID_BYTES);
	memcpy(message.exchange.thumbprint, device->kid, THUMBPRINT_CHARS + 1);
	message.exchange.curve = MESSAGE_CURVE_P521;
	memcpy(message.exchange.x, world.points[asked->point].x, FIELD_BYTES_MAX);
	memcpy(message.exchange.y, world.points[asked->point].y, FIELD_BYTES_MAX);
	NEED(message_send(front, &message, -1) == 0);
	drain(front, (size_t)(asked - window));
	NEED(counts.answered == answered + 1);
	counts.asked++;
	counts.honest++;
}

static void attack(const struct fixture *fixture, unsigned long messages)
{
	while (counts.asked < messages) {
		start_core(fixture);
		counts.restarts++;
		for (size_t i = 0; i < CONNECTIONS; i++)
			open_connection(i);
		for (size_t front = 0; front < HONEST && counts.asked < messages; front++) {
			for (unsigned long n = draw(2 * messages / 400) + 1; n > 0; n--)
				ask_within_contract(&core.fronts[front]);
			drain_all(&core.fronts[front]);
			break_contract(&core.fronts[front]);
			ask_honestly(&core.fronts[HONEST]);
		}
		stop_core();
	}
}

int main(int argc, char **argv)
{
	unsigned long messages = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	struct fixture *fixture;
	void *state = NULL;
	uint64_t chosen = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	signal(SIGPIPE, SIG_IGN);
	NEED(fixture_set_up(&state) == 0);
	fixture = state;
	make_world(fixture, chosen);
	core_parts_close(&fixture->parts); /* the store is the core's now */
	fixture->parts = (struct core_parts){ .store = NULL };
	attack(fixture, messages);
	printf("%lu messages, seed %llu: %lu allowed, %lu answered, %lu denied, %lu "
	       "advertisements, %lu breaches, "
	       "%lu cores, %lu honest questions served beside them\n",
	       counts.asked, (unsigned long long)chosen, counts.allowed, counts.answered,
	       counts.denied, counts.advertisements, counts.breaches, counts.restarts,
	       counts.honest);
	NEED(counts.answered > messages / 100);
	NEED(counts.denied > messages / 10);
	return fixture_tear_down(&state);
}
