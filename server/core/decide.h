/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision: one table of rules in one order (docs/server-states.md), a pure function over what
 * was read inside the transaction. Knows no store, no socket, no clock.
 */
#pragma once

#include "server/cidr.h"
#include "server/reason.h"

/* The order of the rules, and of the rows in decide.c. Malformed requests never get here. */
enum decide_step {
	STEP_UNKNOWN,
	STEP_REVOKED,
	STEP_SOURCE,
	STEP_DISABLED,
	STEP_ABSENCE, /* no rule yet */
	STEP_QUARANTINE,
	STEP_APPROVAL, /* no rule yet */
	STEP_CONVERTING,
	STEP_ALLOW,
	STEP_COUNT,
};

struct decide_facts {
	bool device_known;
	bool key_known; /* the exchange key asked for is one of the device's */
	bool disabled;
	bool quarantined; /* the whole server: its store is older than it should be */
	uint64_t now_s, revoked_s, converting_until_s;
	struct source_address source;
	struct cidr_list allow_from; /* by people; holds alone unless it is empty */
	struct cidr_list registered; /* seen while converting */
};

struct decision {
	bool allowed;
	enum reason reason;
	bool is_new_address; /* allowed, and its source is to be registered */
};

struct decision decide(const struct decide_facts *facts);

/* Is the device still converting? The only place that compares the two. */
static inline bool decide_is_converting(const struct decide_facts *facts)
{
	return facts->converting_until_s > facts->now_s;
}
