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
 * UNIT_SOURCES: server/core/?*.c server/store/?*.c server/cidr.c server/config.c server/reason.c
 * UNIT_SOURCES: server/process.c server/message_io.c server/sandbox.c server/rate.c
 * UNIT_SOURCES: server/authorizer.c
 * UNIT_SOURCES: server/waiver.c
 */
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/jwk.h"
#include "common/strbuf.h"
#include "server/core/core.h"
#include "server/message_io.h"
#include "tests/unit/server_fixture.h"

#define FRONTS 32
#define HONEST (FRONTS - 1) /* this one is never an intruder's */
#define CONNECTIONS 64
#define DEVICES 7
/* The last one is asked for honestly alone, from an address range of its own. */
#define INTRUDED (DEVICES - 1)
#define POINTS 8
#define WINDOW 128 /* questions that are under way at once */

enum state { ACTIVE, DISABLED, REVOKED };

/* The world as the oracle knows it. IPv4 alone, as numbers, so that nothing of cidr.c is used. */
static struct device {
	uint8_t id[DEVICE_ID_BYTES];
	char kid[THUMBPRINT_CHARS + 1];
	EC_POINT *public;
	enum state state;
	uint32_t network;
	unsigned bits;
} devices[DEVICES] = {
	{ .state = ACTIVE, .network = 0x0a000000, .bits = 8 },
	{ .state = ACTIVE, .network = 0xc0000207, .bits = 32 },
	{ .state = ACTIVE, .network = 0xac100000, .bits = 12 },
	{ .state = ACTIVE, .network = 0x0a0a0a00, .bits = 30 },
	{ .state = DISABLED, .network = 0x0a000000, .bits = 8 },
	{ .state = REVOKED, .network = 0x0a000000, .bits = 8 },
	{ .state = ACTIVE, .network = 0xc6120000, .bits = 15 },
};

static struct {
	uint64_t id;
	uint32_t address;
	bool is_open;
} connections[CONNECTIONS];

/* Points c·G with c known, so that c·S tells the right product; the last ones aren't on the curve.
 */
static struct point {
	uint8_t x[FIELD_BYTES_MAX], y[FIELD_BYTES_MAX];
	BIGNUM *scalar; /* NULL: no point of the curve */
} points[POINTS];

static struct asked {
	uint64_t request;
	bool is_allowed;
	size_t device, point;
} window[WINDOW];

static struct {
	unsigned long asked, allowed, answered, denied, breaches, restarts, advertisements, honest;
} counts;

static EC_GROUP *group;
static BN_CTX *work;
static uint64_t seed, next_connection = 1, next_request = 1;

static uint64_t draw(uint64_t below)
{
	/* splitmix64: reproducible from the seed that is printed */
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("not ok %s:%d: %s (%s)\n", __func__, __LINE__, #condition,          \
			       fail_text());                                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* --- the world -------------------------------------------------------------------------------- */

static void make_points(void)
{
	for (size_t i = 0; i < POINTS; i++) {
		EC_POINT *point = EC_POINT_new(group);
		BIGNUM *x = BN_new(), *y = BN_new();

		points[i].scalar = BN_new();
		NEED(BN_rand_range(points[i].scalar, EC_GROUP_get0_order(group)));
		NEED(EC_POINT_mul(group, point, points[i].scalar, NULL, NULL, work));
		NEED(EC_POINT_get_affine_coordinates(group, point, x, y, work));
		NEED(BN_bn2binpad(x, points[i].x, FIELD_BYTES_MAX) > 0);
		NEED(BN_bn2binpad(y, points[i].y, FIELD_BYTES_MAX) > 0);
		if (i >= POINTS - 2) {
			points[i].y[FIELD_BYTES_MAX - 1] ^= 1;
			BN_free(points[i].scalar);
			points[i].scalar = NULL;
		}
		EC_POINT_free(point);
		BN_free(x);
		BN_free(y);
	}
}

/* The public half of a device's exchange key, and its thumbprint, out of the advertisement. */
static void read_device(struct fixture *fixture, struct device *device)
{
	CLEANUP_JSON json_t *jws = NULL, *keys = NULL;
	CLEANUP_FREE uint8_t *x = NULL, *y = NULL;
	const char *text = NULL, *x_text, *y_text;
	json_t *key;
	size_t x_len, y_len;
	BIGNUM *bx, *by;

	NEED(adverts_get(fixture->parts.adverts, fixture->parts.keys, fixture->parts.store,
			 device->id, "", &text) == 0);
	NEED(js_parse(text, strlen(text), 64 * KIB, &jws) == 0);
	NEED(jwk_verify_advertisement(jws, NULL, &keys) == 0);
	NEED(jwk_exchange_key(keys, &key) == 0 && jwk_thumbprint(key, device->kid) == 0);
	NEED(js_string(key, "x", &x_text) == 0 && js_string(key, "y", &y_text) == 0);
	NEED(b64url_decode(x_text, 66, &x, &x_len) == 0 &&
	     b64url_decode(y_text, 66, &y, &y_len) == 0);
	bx = BN_bin2bn(x, (int)x_len, NULL);
	by = BN_bin2bn(y, (int)y_len, NULL);
	device->public = EC_POINT_new(group);
	NEED(EC_POINT_set_affine_coordinates(group, device->public, bx, by, work));
	BN_free(bx);
	BN_free(by);
}

static void make_devices(struct fixture *fixture)
{
	for (size_t i = 0; i < DEVICES; i++) {
		struct device *device = &devices[i];
		uint32_t n = device->network;
		struct message_redeemed made;
		char list[64], sql[160], hex[2 * DEVICE_ID_BYTES + 1];

		snprintf(list, sizeof(list), "[\"%u.%u.%u.%u/%u\"]", n >> 24, n >> 16 & 255,
			 n >> 8 & 255, n & 255, device->bits);
		made = fixture_device(fixture, list);
		memcpy(device->id, made.device, sizeof(device->id));
		read_device(fixture, device);
		text_hex(hex, device->id, sizeof(device->id));
		snprintf(sql, sizeof(sql), "UPDATE device SET %s = 1700000000 WHERE id = %s%s'",
			 device->state == DISABLED ? "disabled" : "revoked_s",
			 postgres_url() ? "'\\x" : "x'", hex);
		if (device->state != ACTIVE)
			fixture_sql(fixture, sql);
	}
}

/* Half of the addresses lie in a device's ranges, at their borders above all. */
static uint32_t draw_address(void)
{
	const struct device *device = &devices[draw(INTRUDED)];
	uint32_t size = device->bits == 0 ? UINT32_MAX : (uint32_t)(1ULL << (32 - device->bits));

	switch (draw(4)) {
	case 0: return device->network + (uint32_t)draw(size);
	case 1: return device->network + size - 1;
	case 2: return device->network - 1;
	default: return (uint32_t)draw(UINT32_MAX);
	}
}

/* --- core ------------------------------------------------------------------------------------- */

static struct {
	pid_t pid;
	struct message_port monitor, admin, fronts[FRONTS];
} core;

static struct message_port port(int fd, enum process_kind self)
{
	return (struct message_port){ fd, self, PROCESS_CORE, PROCESS_SERVING };
}

static _Noreturn void run_core(const struct fixture *fixture, int monitor, int admin,
			       const int *fronts)
{
	const struct core_setup setup = { .monitor_fd = monitor,
					  .admin_fd = admin,
					  .courier_fd = -1,
					  .front_fds = fronts,
					  .front_count = FRONTS,
					  .config = &fixture->config };
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO); /* it complains of each breach */
	_exit(process_harden(PROCESS_CORE) < 0 || core_main(&setup) < 0);
}

static void start_core(const struct fixture *fixture)
{
	int monitor[2], admin[2], pair[2], theirs[FRONTS];
	union message message;

	NEED(message_pair(monitor) == 0 && message_pair(admin) == 0);
	core.monitor = port(monitor[0], PROCESS_MONITOR);
	core.admin = port(admin[0], PROCESS_ADMIN);
	for (size_t i = 0; i < FRONTS; i++) {
		NEED(message_pair(pair) == 0);
		core.fronts[i] = port(pair[0], PROCESS_FRONT);
		theirs[i] = pair[1];
	}
	core.pid = fork();
	NEED(core.pid >= 0);
	if (core.pid == 0)
		run_core(fixture, monitor[1], admin[1], theirs);
	close(monitor[1]);
	close(admin[1]);
	for (size_t i = 0; i < FRONTS; i++)
		close(theirs[i]);
	memset(connections, 0, sizeof(connections));
	NEED(message_receive(&core.monitor, &message, NULL) == 0);
	NEED(message.head.type == MESSAGE_READY);
}

static void stop_core(void)
{
	int status;

	kill(core.pid, SIGTERM);
	NEED(waitpid(core.pid, &status, 0) == core.pid);
	/* By our signal, and neither by the sandbox's nor by a fault. */
	NEED(WIFEXITED(status));
	close(core.monitor.fd);
	close(core.admin.fd);
	for (size_t i = 0; i < FRONTS; i++)
		if (core.fronts[i].fd >= 0)
			close(core.fronts[i].fd);
}

/* The monitor names another connection in this place. */
static void name_connection(size_t at, uint32_t address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	union message message;

	if (connections[at].is_open) {
		message_start(&message, MESSAGE_CONNECTION_CLOSED, connections[at].id, 0);
		NEED(message_send(&core.monitor, &message, -1) == 0);
	}
	connections[at].id = next_connection++;
	connections[at].address = address;
	connections[at].is_open = true;
	message_start(&message, MESSAGE_CONNECTION_OPEN, connections[at].id, 0);
	memcpy(message.connection.source.bytes, mapped, sizeof(mapped));
	for (size_t i = 0; i < 4; i++)
		message.connection.source.bytes[12 + i] = (uint8_t)(address >> (24 - 8 * i));
	NEED(message_send(&core.monitor, &message, -1) == 0);
}

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
	EC_POINT *want = EC_POINT_new(group), *got = EC_POINT_new(group);
	BIGNUM *x = BN_bin2bn(answer->x, FIELD_BYTES_MAX, NULL);
	BIGNUM *y = BN_bin2bn(answer->y, FIELD_BYTES_MAX, NULL);

	NEED(EC_POINT_mul(group, want, NULL, devices[asked->device].public,
			  points[asked->point].scalar, work));
	NEED(EC_POINT_set_affine_coordinates(group, got, x, y, work));
	NEED(EC_POINT_cmp(group, want, got, work) == 0);
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
	point = points[asked->point];
	message_start(message, MESSAGE_EXCHANGE, connection, next_request++);
	memcpy(message->exchange.device, devices[device].id, DEVICE_ID_BYTES);
	memcpy(message->exchange.thumbprint, devices[key].kid, THUMBPRINT_CHARS + 1);
	if (is_spoiled)
		spoil(message->exchange.thumbprint);
	message->exchange.curve = is_p521 ? MESSAGE_CURVE_P521 : MESSAGE_CURVE_P256;
	memcpy(message->exchange.x, point.x, FIELD_BYTES_MAX);
	memcpy(message->exchange.y, point.y, FIELD_BYTES_MAX);
	if (draw(16) == 0)
		message->exchange.device[draw(DEVICE_ID_BYTES)] ^= (uint8_t)(1 + draw(255));
	asked->is_allowed = memcmp(message->exchange.device, devices[device].id, 16) == 0 &&
			    devices[device].state == ACTIVE && is_in(address, &devices[device]) &&
			    key == device && !is_spoiled && is_p521 && point.scalar;
	counts.allowed += asked->is_allowed;
}

static void make_advertise(union message *message, uint64_t connection)
{
	window[next_request % WINDOW] = (struct asked){ .request = next_request };
	message_start(message, MESSAGE_ADVERTISE, connection, next_request++);
	memcpy(message->advertise.device, devices[draw(INTRUDED)].id, DEVICE_ID_BYTES);
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

	if (!connections[at].is_open || draw(50) == 0)
		open_connection(at);
	drain(front, next_request % WINDOW);
	if (draw(40) == 0)
		make_advertise(&message, connections[at].id);
	else
		make_exchange(&message, connections[at].id, connections[at].address);
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

	make_exchange(&message, connections[0].id, connections[0].address);
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
	case 4: message.head.connection = next_connection + draw(1ULL << 40); break;
	case 5: message.exchange.curve = 4 + (uint32_t)draw(1000); break;
	case 6: memset(message.exchange.thumbprint, 'A', THUMBPRINT_CHARS + 1); break; /* no end */
	default: /* what others may say */
		message_start(&message, draw(2) ? MESSAGE_MINT_KEY : MESSAGE_CONNECTION_OPEN,
			      next_connection + 5, next_request);
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
	const struct device *device = &devices[INTRUDED];
	struct asked *asked = &window[next_request % WINDOW];
	unsigned long answered = counts.answered;
	union message message;

	name_connection(0, device->network + (uint32_t)draw(1 << 17));
	*asked = (struct asked){ next_request, true, INTRUDED, draw(POINTS - 2) };
	message_start(&message, MESSAGE_EXCHANGE, connections[0].id, next_request++);
	memcpy(message.exchange.device, device->id, DEVICE_ID_BYTES);
	memcpy(message.exchange.thumbprint, device->kid, THUMBPRINT_CHARS + 1);
	message.exchange.curve = MESSAGE_CURVE_P521;
	memcpy(message.exchange.x, points[asked->point].x, FIELD_BYTES_MAX);
	memcpy(message.exchange.y, points[asked->point].y, FIELD_BYTES_MAX);
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

	seed = chosen;
	signal(SIGPIPE, SIG_IGN);
	group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	work = BN_CTX_new();
	NEED(group && work);
	NEED(fixture_set_up(&state) == 0);
	fixture = state;
	make_points();
	make_devices(fixture);
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
