/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's main loop: one thread, poll(). Per turn: what the monitor says, then what fronts and
 * admin ask, at most UNLOCK_BATCH_MAX questions, then one transaction for all exchanges among them.
 * While that is written and multiplied, the next questions gather: load makes its own batches.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/core/consult.h"
#include "server/core/internal.h"

static volatile sig_atomic_t stopping;

static void on_signal(int number UNUSED)
{
	stopping = 1;
}

uint64_t core_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- time ------------------------------------------------------------------------------------ */

static int write_counted(struct core *core)
{
	uint64_t now_s;
	int r = 0;

	/* Being unwell, something must be written for sure, to know that it can be. */
	if (core->unwell)
		r = store_now(core->parts.store, &now_s);
	if (r == 0 && core->unwell)
		r = store_setting_set(core->parts.store, "last-unwell", &now_s, sizeof(now_s));
	return r == 0 ? audit_flush(core->parts.audit, core->parts.store) : r;
}

static int flush_audit(struct core *core)
{
	int r = store_begin_devices(core->parts.store, NULL, 0);

	return r < 0 ? r : core_parts_end(&core->parts, write_counted(core));
}

/* Once a minute: what was only counted becomes rows. Being unwell, tries more often. */
static void keep_time(struct core *core)
{
	uint64_t now = core_now_ms();
	int r = 0;

	if (now < core->flush_ms)
		return;
	if (audit_pending(core->parts.audit) || core->unwell)
		r = flush_audit(core);
	if (r == 0)
		r = epochs_look(core->parts.epochs, core->parts.store);
	if (r == 0)
		core_well(core);
	core_unwell(core, r);
	core->flush_ms = now + (core->unwell ? HEALTH_RETRY_MS : AUDIT_FOLD_S * 1000ULL);
}

/* Rows are safe without it; it is tried again in a minute. */
static void keep_checkpoints(struct core *core)
{
	uint64_t now = core_now_ms();

	if (now < core->checkpoint_ms || core->unwell)
		return;
	if (checkpoints_tick(core->checkpoints) < 0) {
		log_error("no checkpoint of the audit: %s", fail_text());
		core->checkpoint_ms = now + CHECKPOINT_RETRY_MS;
	}
}

/* Somebody has put back an older store, without "restore": it may have forgotten a revocation. */
static int look_at_witness(struct core *core)
{
	if (!checkpoints_is_stale(core->checkpoints))
		return 0;
	return store_quarantine_begin(core->parts.store, "", "the witness is newer than the store");
}

static int wait_for_something(struct core *core, const sigset_t *while_waiting)
{
	struct pollfd polled[PORTS_MAX];
	struct timespec timeout;
	uint64_t now = core_now_ms();
	uint64_t held_ms = held_count(core->held) > 0 ? core->held_look_ms : UINT64_MAX;
	uint64_t next_ms = MIN(core->flush_ms, MIN(held_ms, consult_next_ms(core)));
	uint64_t left_ms = next_ms > now ? next_ms - now : 0;

	timeout.tv_sec = (time_t)(left_ms / 1000);
	timeout.tv_nsec = (long)(left_ms % 1000) * 1000000;
	for (size_t i = 0; i < core->port_count; i++)
		polled[i] = (struct pollfd){ .fd = core->ports[i].fd, .events = POLLIN };
	if (ppoll(polled, core->port_count, &timeout, while_waiting) < 0 && errno != EINTR)
		return fail(-errno, "can't wait for messages: %s", strerror(errno));
	return 0;
}

static int serve_until_stopped(struct core *core, const sigset_t *while_waiting)
{
	while (!stopping) {
		size_t ended;
		bool is_empty;
		int r = wait_for_something(core, while_waiting);

		if (r == 0)
			r = serve_monitor(core);
		if (r == MESSAGE_END)
			return 0;
		if (r < 0)
			return r;
		ended = connections_ended(core->parts.connections);
		is_empty = serve_ports(core);
		serve_batch(core);
		serve_held(core);
		consult_serve(core);
		if (is_empty)
			connections_forget(core->parts.connections, ended);
		if (core->front_count == 0)
			return fail(-EPROTO, "no front is left");
		if (core->is_stale)
			return fail(-ESTALE, "the key-encryption key was rotated: starting anew");
		keep_time(core);
		keep_checkpoints(core);
	}
	return 0;
}

/* --- start ----------------------------------------------------------------------------------- */

static int add_port(struct core *core, int fd, enum process_kind peer)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail(-errno, "can't use the pair to %s: %s", process_table[peer].name,
			    strerror(errno));
	core->ports[core->port_count++] = (struct message_port){ fd, PROCESS_CORE, peer,
								 PROCESS_SERVING };
	return 0;
}

static int open_ports(struct core *core, const struct core_setup *setup)
{
	int r;

	if (setup->front_count == 0 || setup->front_count > PROCESS_FRONTS_MAX)
		return fail(-EINVAL, "core needs 1 to %d fronts", PROCESS_FRONTS_MAX);
	r = add_port(core, setup->monitor_fd, PROCESS_MONITOR);
	if (r == 0 && setup->courier_fd >= 0)
		r = add_port(core, setup->courier_fd, PROCESS_COURIER);
	else if (r == 0)
		core->ports[core->port_count++].fd = -1;
	if (r == 0)
		r = add_port(core, setup->admin_fd, PROCESS_ADMIN);
	for (size_t i = 0; r == 0 && i < setup->front_count; i++)
		r = add_port(core, setup->front_fds[i], PROCESS_FRONT);
	core->front_count = setup->front_count;
	return r;
}

static int say_ready(const struct core *core)
{
	struct message_port port = core->ports[MONITOR];
	union message message;
	int r;

	port.state = PROCESS_STARTING;
	message_start(&message, MESSAGE_READY, 0, 0);
	r = message_send(&port, &message, -1);
	return r <= 0 ? r : fail(-EPIPE, "the monitor doesn't listen");
}

/* Both signals only ever come while waiting, so that none is missed between check and wait. */
static void catch_signals(sigset_t *ret_while_waiting)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;

	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, ret_while_waiting);
	sigdelset(ret_while_waiting, SIGTERM);
}

static void core_free(struct core **core)
{
	if (*core) {
		checkpoints_closep(&(*core)->checkpoints);
		core_parts_close(&(*core)->parts);
		held_closep(&(*core)->held);
		consults_closep(&(*core)->consults);
	}
	free(*core);
}

/* What was counted and not yet written, and the heads after it. */
static void say_goodbye(struct core *core)
{
	if (core->parts.audit && audit_pending(core->parts.audit) && flush_audit(core) < 0)
		log_warning("some repeated denials weren't recorded: %s", fail_text());
	if (core->checkpoints && checkpoints_make(core->checkpoints) < 0)
		log_error("no checkpoint of the audit: %s", fail_text());
}

int core_main(const struct core_setup *setup)
{
	CLEANUP(core_free) struct core *core = calloc(1, sizeof(*core));
	sigset_t while_waiting;
	int r;

	if (!core)
		return fail(-ENOMEM, "out of memory");
	catch_signals(&while_waiting);
	core->flush_ms = core_now_ms() + AUDIT_FOLD_S * 1000ULL;
	r = secret_guard_process();
	if (r == 0)
		r = exchange_lock_memory();
	if (r == 0)
		r = open_ports(core, setup);
	if (r == 0)
		r = core_parts_open(setup->config, &core->parts);
	if (r == 0)
		r = held_open(&core->held);
	if (r == 0)
		r = consults_open(&core->consults);
	if (r == 0)
		r = checkpoints_open(setup->config, core->parts.store, &core->checkpoints);
	if (r == 0)
		r = look_at_witness(core);
	if (r == 0)
		keep_checkpoints(core);
	if (r == 0)
		r = process_sandbox(PROCESS_CORE, store_reach(core->parts.store));
	if (r == 0)
		r = say_ready(core);
	if (r == 0)
		r = serve_until_stopped(core, &while_waiting);
	say_goodbye(core);
	return r;
}
