/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rate classes: how often one source may call a route of a class, or something else that is known
 * by 16 bytes may happen. A token bucket per (class, source) in a table of fixed size. Pure but for
 * its table; time is given.
 */
#pragma once

#include "server/message.h"

enum rate_class {
	RATE_CLASS_PUBLIC = 1, /* files, health */
	RATE_CLASS_ENROLL,     /* wrong keys are slowed by core besides */
	RATE_CLASS_REPORT,     /* a converting machine's reports; many may share a NAT */
	RATE_CLASS_PEOPLE,     /* tools of people */
	RATE_CLASS_FAILED,     /* unlocks that failed, by source; what succeeds isn't counted */
	RATE_CLASS_DEVICE,     /* unlocks of one device, by its id */
	RATE_CLASS_COUNT,
};

struct rate_table;

int rate_open(struct rate_table **ret) MUST_CHECK;
void rate_close(struct rate_table *table);

/* May this source go on? Counts the call. now_ms never goes back. */
bool rate_allows(struct rate_table *table, enum rate_class class,
		 const struct source_address *source, uint64_t now_ms);

/* Would rate_allows() refuse? Counts and remembers nothing. */
bool rate_is_used_up(const struct rate_table *table, enum rate_class class,
		     const struct source_address *source, uint64_t now_ms);
