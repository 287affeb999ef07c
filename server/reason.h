/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why core allowed or denied: the words that go into the audit and the API, and the one change that
 * would turn a denial into an answer. Shared by core (writes) and admin (shows).
 */
#pragma once

#include "common/base.h"

/* In the order of the decision table; numbers are not stored, names are. */
enum reason {
	REASON_UNKNOWN,
	REASON_REVOKED,
	REASON_SOURCE,
	REASON_DISABLED,
	REASON_ABSENCE,	   /* reserved: not seen for too long */
	REASON_QUARANTINE, /* the store was restored, and the gap isn't closed */
	REASON_APPROVAL,   /* reserved: waits for people */
	REASON_RATE,	   /* reserved */
	REASON_CONVERTING, /* allowed by the converting waiver */
	REASON_POLICY,	   /* allowed: nothing speaks against it */
	REASON_COUNT,
};

const char *reason_name(enum reason reason);

/* Why, and the one change that would allow it, for a name from the audit; a general sentence for
 * an unknown name. Constant text. */
const char *reason_advice(const char *name);
