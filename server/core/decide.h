/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision: one table of rules in one order (docs/server-states.md), a pure function over what
 * was read inside the transaction. Knows no store, no socket, no clock.
 */
#pragma once

#include "server/cidr.h"
#include "server/reason.h"
#include "server/waiver.h"

/* The order of the rules, and of the rows in decide.c. */
enum decide_step {
	STEP_ADMISSION,
	STEP_MALFORMED,
	STEP_UNKNOWN,
	STEP_REVOKED,
	STEP_OUTDATED,
	STEP_HELD,
	STEP_SOURCE,
	STEP_RATE,
	STEP_DISABLED,
	STEP_ABSENCE,
	STEP_QUARANTINE,
	STEP_APPROVAL,
	STEP_AUTHORIZER,
	STEP_COUNT,
};

enum approval_need {
	APPROVAL_NONE,
	APPROVAL_ACTIVE, /* but converting waives it */
	APPROVAL_ALWAYS, /* converting or not */
};

/* What is known of the organization's external authorizer. */
enum authorizer_state {
	AUTHORIZER_NONE,
	AUTHORIZER_UNASKED,
	AUTHORIZER_ALLOWS,
	AUTHORIZER_DENIES, /* or hasn't answered rightly, or its answer doesn't hold any more */
};

#define DECIDE_WAIVERS_MAX 16

/* The rules of this table, counted: one more with each rule that an organization can ask for and
 * that a program without it would pass over. docs/store.md, Rules of decisions. */
#define DECIDE_RULES 1

struct decide_facts {
	bool is_crowded;   /* the source has failed too often lately */
	bool is_malformed; /* no point of the curve */
	bool device_known;
	bool key_known;	  /* the exchange key asked for is one of the device's */
	bool is_outdated; /* the organization needs rules that this program doesn't know */
	bool held;	  /* people have to release it first */
	bool is_hasty;	  /* the device asks too often */
	bool disabled;
	bool quarantined;    /* the whole server: its store is older than it should be */
	bool absence_denies; /* else it asks for approval */
	bool is_refused;     /* people said no to this device and source lately */
	enum approval_need approval;
	uint64_t now_s, revoked_s, converting_until_s;
	uint64_t seen_s, absence_s; /* absence_s 0: it may be away for ever */
	struct source_address source;
	struct cidr_list allow_from; /* by people, with networks; hold alone if there is any */
	struct cidr_list networks[CIDR_NETWORKS_MAX]; /* shared lists that the device names */
	size_t network_count;
	struct cidr_list registered; /* seen while converting */
	struct waiver waivers[DECIDE_WAIVERS_MAX];
	size_t waiver_count;
	enum authorizer_state authorizer;
	enum reason authorized_for; /* AUTHORIZER_ALLOWS: what it was asked about */
};

struct decision {
	bool allowed;
	bool is_pending; /* not allowed, but people may approve it */
	/* Not allowed by a rule that a waiver or people could have lifted: the caller that gave no
	 * waivers and no is_refused reads them and decides again. */
	bool is_waivable;
	bool is_new_address; /* allowed, and its source is to be registered */
	/* Not allowed yet: the authorizer is to be asked, and then it is to be decided again. */
	bool must_consult;
	enum reason consult_for; /* what its yes would be for */
	enum reason reason;
	const struct waiver *waiver; /* allowed by spending a reply of this one; in facts */
};

struct decision decide(const struct decide_facts *facts);

/* What each rule says by itself, for people. */
enum decide_outcome { OUTCOME_PASSES, OUTCOME_WAIVED, OUTCOME_ASKS, OUTCOME_DENIES };

_Static_assert(OUTCOME_DENIES + 1 == MESSAGE_OUTCOME_COUNT, "each has its word in admin");

void decide_explain(const struct decide_facts *facts, enum decide_outcome ret[static STEP_COUNT]);

/* The rule's name is that of its reason. */
enum reason decide_step_reason(enum decide_step step);

/* The waiver after one reply to source at now_s. Only for one that decide() has named. */
struct waiver decide_spend(const struct waiver *waiver, const struct source_address *source,
			   uint64_t now_s);

/* Is the device still converting? The only place that compares the two. */
static inline bool decide_is_converting(const struct decide_facts *facts)
{
	return facts->converting_until_s > facts->now_s;
}
