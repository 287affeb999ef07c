/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The roll of open connections: who holds which, how many a source has. Only numbers, no sockets.
 */
#pragma once

#include "server/message.h"

/* Explicit limits. One NAT may stand for a thousand booting machines; beyond it connections are
 * closed at once, which a client takes as "try again". */
#define ROLL_MAX 16384
#define ROLL_PER_SOURCE_MAX 2048

struct roll;

struct roll_entry {
	uint64_t id;
	unsigned holder; /* the monitor's number of the child that has the socket */
	struct source_address source;
};

int roll_open(struct roll **ret) MUST_CHECK;
void roll_close(struct roll *roll);

/* Outcomes besides 0. */
enum { ROLL_FULL = 1, ROLL_SOURCE_FULL = 2 };

/* Enters a connection and gives it an id that was never used before. IPv6 sources count by /64. */
int roll_add(struct roll *roll, unsigned holder, const struct source_address *source,
	     uint64_t *ret_id) MUST_CHECK;

/* False: there is no such connection, or another holds it. */
bool roll_remove(struct roll *roll, uint64_t id, unsigned holder);

/* Any one connection of the holder (to remove it); false when it has none. */
bool roll_any(const struct roll *roll, unsigned holder, struct roll_entry *ret);

size_t roll_count(const struct roll *roll, unsigned holder);
