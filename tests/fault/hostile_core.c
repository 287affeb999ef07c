/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real core of the hostile front's test: this program is its monitor, which is honest, an admin
 * that is silent, and all its fronts.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "server/core/core.h"
#include "tests/fault/hostile.h"

struct hostile_core core = { .next_connection = 1 };

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

void start_core(const struct fixture *fixture)
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
	memset(core.connections, 0, sizeof(core.connections));
	NEED(message_receive(&core.monitor, &message, NULL) == 0);
	NEED(message.head.type == MESSAGE_READY);
}

void stop_core(void)
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

void name_connection(size_t at, uint32_t address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	union message message;

	if (core.connections[at].is_open) {
		message_start(&message, MESSAGE_CONNECTION_CLOSED, core.connections[at].id, 0);
		NEED(message_send(&core.monitor, &message, -1) == 0);
	}
	core.connections[at].id = core.next_connection++;
	core.connections[at].address = address;
	core.connections[at].is_open = true;
	message_start(&message, MESSAGE_CONNECTION_OPEN, core.connections[at].id, 0);
	memcpy(message.connection.source.bytes, mapped, sizeof(mapped));
	for (size_t i = 0; i < 4; i++)
		message.connection.source.bytes[12 + i] = (uint8_t)(address >> (24 - 8 * i));
	NEED(message_send(&core.monitor, &message, -1) == 0);
}
