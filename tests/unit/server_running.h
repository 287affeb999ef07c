/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A core process on a server_fixture.h, with the test as everybody else.
 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "server/core/core.h"
#include "server/core/unlock.h"
#include "server/message_io.h"
#include "tests/unit/server_fixture.h"

struct running {
	struct fixture *fixture;
	pid_t pid;
	struct message_port monitor, admin, courier, fronts[2];
};

static inline struct message_port port_as(enum process_kind self, int fd)
{
	return (struct message_port){ fd, self, PROCESS_CORE, PROCESS_SERVING };
}

static inline void expect(struct message_port *port, enum message_type type, union message *ret)
{
	struct pollfd one = { .fd = port->fd, .events = POLLIN };

	assert_int_equal(poll(&one, 1, 10000), 1);
	assert_ok(message_receive(port, ret, NULL));
	assert_int_equal(ret->head.type, type);
}

static inline int start_core(void **state)
{
	struct running *running = calloc(1, sizeof(*running));
	int monitor[2], admin[2], courier[2], fronts[2][2];
	struct server_config config;
	union message ready;
	void *fixture;

	assert_non_null(running);
	assert_int_equal(fixture_set_up(&fixture), 0);
	running->fixture = fixture;
	config = running->fixture->config;
	config.fronts = 2;
	strcpy(config.node, "forked"); /* the fixture itself is "core" */
	assert_ok(message_pair(monitor));
	assert_ok(message_pair(admin));
	assert_ok(message_pair(courier));
	assert_ok(message_pair(fronts[0]));
	assert_ok(message_pair(fronts[1]));
	running->pid = fork();
	assert_true(running->pid >= 0);
	if (running->pid == 0) {
		const int front_fds[] = { fronts[0][1], fronts[1][1] };
		const struct core_setup setup = { monitor[1], front_fds,  2,
						  admin[1],   courier[1], &config };
		int r;

		/* The test's ends, so that the end of the test is seen. */
		close(monitor[0]);
		close(admin[0]);
		close(courier[0]);
		close(fronts[0][0]);
		close(fronts[1][0]);
		r = core_main(&setup);
		if (r < 0)
			fprintf(stderr, "core: %s\n", fail_text());
		_exit(r < 0 ? 1 : 0);
	}
	close(monitor[1]);
	close(admin[1]);
	close(courier[1]);
	close(fronts[0][1]);
	close(fronts[1][1]);
	running->monitor = port_as(PROCESS_MONITOR, monitor[0]);
	running->admin = port_as(PROCESS_ADMIN, admin[0]);
	running->courier = port_as(PROCESS_COURIER, courier[0]);
	running->fronts[0] = port_as(PROCESS_FRONT, fronts[0][0]);
	running->fronts[1] = port_as(PROCESS_FRONT, fronts[1][0]);
	expect(&running->monitor, MESSAGE_READY, &ready);
	*state = running;
	return 0;
}

/* The exit status of core, which must have ended or be about to. */
static inline int wait_core(struct running *running)
{
	int status = -1;

	if (running->pid > 0 && waitpid(running->pid, &status, 0) != running->pid)
		return -1;
	running->pid = 0;
	return status;
}

static inline int stop_core(void **state)
{
	struct running *running = *state;
	void *fixture = running->fixture;
	int status = 0;

	if (running->pid > 0) {
		kill(running->pid, SIGTERM);
		status = wait_core(running);
	}
	close(running->monitor.fd);
	close(running->admin.fd);
	close(running->courier.fd);
	close(running->fronts[0].fd);
	close(running->fronts[1].fd);
	free(running);
	return fixture_tear_down(&fixture) || status;
}

static inline void open_connection(struct running *running, uint64_t id, const char *from)
{
	union message message;

	message_start(&message, MESSAGE_CONNECTION_OPEN, id, 0);
	message.connection.source = fixture_source(from);
	assert_ok(message_send(&running->monitor, &message, -1));
}

static inline void send_exchange(struct running *running, size_t front, uint64_t connection,
				 uint64_t request, const struct message_redeemed *device)
{
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	struct fixture *fixture = running->fixture;
	struct exchange_point point;
	union message message;
	struct store_key key;

	message_start(&message, MESSAGE_EXCHANGE, connection, request);
	memcpy(message.exchange.device, device->device, DEVICE_ID_BYTES);
	assert_ok(store_key(fixture->parts.store, device->device, NULL, &key));
	strcpy(message.exchange.thumbprint, key.exchange_thumbprint);
	message.exchange.curve = MESSAGE_CURVE_P521;
	assert_ok(exchange_generate(fixture->parts.exchange, &scalar));
	assert_ok(exchange_public(fixture->parts.exchange, scalar.data, &point));
	memcpy(message.exchange.x, point.x, sizeof(point.x));
	memcpy(message.exchange.y, point.y, sizeof(point.y));
	assert_ok(message_send(&running->fronts[front], &message, -1));
}
