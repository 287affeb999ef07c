/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process table and the message table (tested by tests/unit/test_process.c), and giving up
 * privileges. Changes only the calling process.
 */
#include "server/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/err.h"
#include "common/secret.h"

const struct process_row process_table[PROCESS_KIND_COUNT] = {
	[PROCESS_MONITOR] = { "monitor", "accepts connections, names them, starts the others",
			      HOLDS_LISTENERS, 1 },
	[PROCESS_CORE] = { "core", "decides, audits, multiplies",
			   HOLDS_DATABASE | HOLDS_EXCHANGE_KEYS, 1 },
	[PROCESS_FRONT] = { "front", "TLS and HTTP for /d/", HOLDS_CLIENTS | HOLDS_TLS_KEY,
			    PROCESS_FRONTS_MAX },
	[PROCESS_ADMIN] = { "admin", "TLS, HTTP and JSON for /v1",
			    HOLDS_CLIENTS | HOLDS_TLS_KEY | HOLDS_DATABASE, 1 },
	[PROCESS_COURIER] = { "courier", "all HTTP to elsewhere", HOLDS_NETWORK, 1 },
};

#define ANY_STATE (PROCESS_STARTING | PROCESS_SERVING | PROCESS_STOPPING)
#define LIVE (PROCESS_SERVING | PROCESS_STOPPING)

#define RULE(type, from, to, states, layout)                                                       \
	{                                                                                          \
		MESSAGE_##type, PROCESS_##from, PROCESS_##to, states, sizeof(struct layout), false \
	}

const struct message_rule message_rules[] = {
	/* The monitor itself is always serving: it starts first and stops last. */
	RULE(CONNECTION_OPEN, MONITOR, CORE, LIVE, message_connection),
	RULE(CONNECTION_CLOSED, MONITOR, CORE, LIVE, message_connection),
	{ MESSAGE_SOCKET, PROCESS_MONITOR, PROCESS_FRONT, PROCESS_SERVING,
	  sizeof(struct message_connection), true },
	{ MESSAGE_SOCKET, PROCESS_MONITOR, PROCESS_ADMIN, PROCESS_SERVING,
	  sizeof(struct message_connection), true },

	{ MESSAGE_LEAF, PROCESS_MONITOR, PROCESS_FRONT, PROCESS_SERVING,
	  sizeof(struct message_head), true },
	{ MESSAGE_LEAF, PROCESS_MONITOR, PROCESS_ADMIN, PROCESS_SERVING,
	  sizeof(struct message_head), true },

	RULE(READY, CORE, MONITOR, PROCESS_STARTING, message_head),
	RULE(READY, FRONT, MONITOR, PROCESS_STARTING, message_head),
	RULE(READY, ADMIN, MONITOR, PROCESS_STARTING, message_head),
	RULE(READY, COURIER, MONITOR, PROCESS_STARTING, message_head),
	RULE(CONNECTION_DONE, FRONT, MONITOR, LIVE, message_head),
	RULE(CONNECTION_DONE, ADMIN, MONITOR, LIVE, message_head),

	RULE(CONNECTION_DONE, FRONT, CORE, LIVE, message_head),
	RULE(CONNECTION_DONE, ADMIN, CORE, LIVE, message_head),

	RULE(ADVERTISE, FRONT, CORE, LIVE, message_advertise),
	RULE(EXCHANGE, FRONT, CORE, LIVE, message_exchange),
	RULE(ADVERTISEMENT, CORE, FRONT, LIVE, message_advertisement),
	RULE(EXCHANGED, CORE, FRONT, LIVE, message_exchanged),
	RULE(HEALTH, CORE, FRONT, LIVE, message_health),
	RULE(HEALTH, CORE, ADMIN, LIVE, message_health),

	RULE(REDEEM, ADMIN, CORE, LIVE, message_redeem),
	RULE(MINT, ADMIN, CORE, LIVE, message_mint),
	RULE(MINT_KEY, ADMIN, CORE, LIVE, message_mint_key),
	RULE(ROTATE, ADMIN, CORE, LIVE, message_rotate),
	RULE(EXPLAIN, ADMIN, CORE, LIVE, message_explain),
	RULE(REDEEMED, CORE, ADMIN, LIVE, message_redeemed),
	RULE(KEY_MINTED, CORE, ADMIN, LIVE, message_key_minted),
	RULE(EXPLAINED, CORE, ADMIN, LIVE, message_explained),
	RULE(CONSULT, ADMIN, CORE, LIVE, message_consult),
	RULE(CONSULTED, CORE, ADMIN, LIVE, message_consulted),

	RULE(DELIVER, CORE, COURIER, LIVE, message_deliver),
	RULE(DELIVERED, COURIER, CORE, LIVE, message_delivered),
};

const size_t message_rules_count = ARRAY_SIZE(message_rules);

const struct message_rule *process_rule(uint32_t type, enum process_kind from, enum process_kind to)
{
	for (size_t i = 0; i < message_rules_count; i++) {
		const struct message_rule *rule = &message_rules[i];

		if (rule->type == type && rule->from == from && rule->to == to)
			return rule;
	}
	return NULL;
}

int process_drop_user(const char *user)
{
	const struct passwd *entry;

	if (!user || !user[0] || geteuid() != 0)
		return 0;
	errno = 0;
	entry = getpwnam(user);
	if (!entry)
		return fail(errno ? -errno : -ENOENT,
			    "no user named \"%s\": create it or name another with --user", user);
	if (initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		return fail(-errno, "can't become user \"%s\": %m", user);
	return 0;
}

int process_harden(enum process_kind kind)
{
	char name[16];
	int r;

	snprintf(name, sizeof(name), "panocrypt-%s", process_table[kind].name);
	if (kind != PROCESS_MONITOR)
		(void)prctl(PR_SET_NAME, name); /* for ps and top */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(-errno, "%s: can't refuse new privileges: %m",
			    process_table[kind].name);
	if (kind != PROCESS_MONITOR && prctl(PR_SET_PDEATHSIG, SIGKILL))
		return fail(-errno, "%s: can't follow the monitor's end: %m",
			    process_table[kind].name);
	r = secret_guard_process();
	if (r < 0)
		return fail_at(r, "%s", process_table[kind].name);
	return 0;
}
