/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why core allowed or denied: the words that go into the audit and the API, and the one change that
 * would turn a denial into an answer. Shared by core (writes) and admin (shows).
 */
#pragma once

#include "common/base.h"

#define REASON_COMMAND_SIZE 192

/* In the order of the decision table; numbers are not stored, names are. */
enum reason {
	REASON_ADMISSION,
	REASON_MALFORMED,
	REASON_UNKNOWN,
	REASON_REVOKED,
	REASON_OUTDATED, /* this node is older than a rule that must be asked */
	REASON_HELD,
	REASON_SOURCE,
	REASON_RATE,
	REASON_DISABLED,
	REASON_ABSENCE,
	REASON_QUARANTINE, /* the store was restored, and the gap isn't closed */
	REASON_REFUSED,	   /* people said no, lately */
	REASON_APPROVAL,
	REASON_AUTHORIZER,
	REASON_WAIVER,	   /* allowed by spending a waiver */
	REASON_CONVERTING, /* allowed by the converting waiver */
	REASON_POLICY,	   /* allowed: nothing speaks against it */
	REASON_COUNT,
};

const char *reason_name(enum reason reason);

/* What the machine is told: 403, or 400 and 503 where docs/protocol.md says so. */
uint32_t reason_status(enum reason reason);

/* Why, and the one change that would allow it, for a name from the audit; a general sentence for
 * an unknown name. Constant text. */
const char *reason_advice(const char *name);

/* The command of panocryptctl that makes this change for a device (its id) and a source, either of
 * which may be ""; "" when there is none. */
void reason_command(const char *name, const char *device, const char *source,
		    char ret[static REASON_COMMAND_SIZE]);
