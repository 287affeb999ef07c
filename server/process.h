/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's processes: one table says what each is and holds, another which message may go
 * from whom to whom, and when. Also here: how a process gives up what it doesn't need (user,
 * capabilities, system calls). The process functions touch only the calling process; nothing here
 * reads a file, a socket or a foreign byte.
 */
#pragma once

#include "common/base.h"
#include "server/message.h"

#define PROCESS_FRONTS_MAX 64

enum process_kind {
	PROCESS_MONITOR,
	PROCESS_CORE,
	PROCESS_FRONT,
	PROCESS_ADMIN,
	PROCESS_COURIER,
	PROCESS_KIND_COUNT,
};

/* Where a process stands; bits, because a row of the message table names several. */
enum process_state {
	PROCESS_STARTING = 1, /* opening its files; has not said READY */
	PROCESS_SERVING = 2,
	PROCESS_STOPPING = 4, /* SIGTERM was seen: answers what is under way */
};

/* What a process holds; bits. The table is checked by tests and read by docs/architecture.md. */
enum process_holding {
	HOLDS_LISTENERS = 1,
	HOLDS_CLIENTS = 2, /* sockets of foreign peers, hence parsers of their bytes */
	HOLDS_TLS_KEY = 4,
	HOLDS_DATABASE = 8,
	HOLDS_EXCHANGE_KEYS = 16, /* and the KEK */
	HOLDS_NETWORK = 32, /* makes connections to elsewhere, hence parsers of what comes back */
};

/* How the store is reached once the sandbox is on; each allows what the ones before allow. */
enum process_reach {
	PROCESS_REACH_FILES,   /* SQLite, or no store */
	PROCESS_REACH_SOCKET,  /* connects to a socket in the file system */
	PROCESS_REACH_NETWORK, /* connects by TCP */
};

struct process_row {
	const char *name;
	const char *does;
	uint32_t holds;
	unsigned most; /* how many may run at once */
};

struct message_rule {
	enum message_type type;
	enum process_kind from, to;
	uint32_t states;     /* of the sender */
	size_t size_bytes;   /* exactly */
	bool carries_socket; /* exactly one descriptor, by SCM_RIGHTS */
};

extern const struct process_row process_table[PROCESS_KIND_COUNT];
extern const struct message_rule message_rules[];
extern const size_t message_rules_count;

/* The rule for this message in this direction, or NULL: it may not be sent. */
const struct message_rule *process_rule(uint32_t type, enum process_kind from,
					enum process_kind to);

/* Gives up root for the named user (its groups too). NULL, "", or not being root: nothing to give
 * up, 0. */
int process_drop_user(const char *user) MUST_CHECK;

/* No new privileges, no core dumps, no ptrace, dies with its parent; call it in each child before
 * anything else. */
int process_harden(enum process_kind kind) MUST_CHECK;

/* Installs the system call filter of this kind. Everything must be open before. Unlisted calls
 * fail with EPERM; those that only an intruder makes (execve, ptrace, …) kill the process. reach is
 * for core and admin, which connect to the store again when it was away. */
int process_sandbox(enum process_kind kind, enum process_reach reach) MUST_CHECK;
