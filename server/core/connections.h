/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which connection comes from which address, as the monitor said. The only place core takes a
 * source address from. A connection whose holder died stays known until every question that was on
 * its way has been read.
 */
#pragma once

#include "common/cleanup.h"
#include "server/message.h"

struct connections;

int connections_open(struct connections **ret) MUST_CHECK;
void connections_close(struct connections *connections);
DEFINE_CLEANUP(struct connections *, connections_close);

/* -EPROTO: the id is 0 or known; -ENOBUFS: more than the monitor should ever let in. */
int connections_add(struct connections *connections, uint64_t id,
		    const struct source_address *source) MUST_CHECK;

/* The connection is over and nobody asks about it any more; unknown ids are ignored. */
void connections_remove(struct connections *connections, uint64_t id);

/* The connection is over, but questions about it may be on their way; unknown ids are ignored. */
void connections_end(struct connections *connections, uint64_t id);

/* How many have ended so far, for connections_forget(). */
size_t connections_ended(const struct connections *connections);

/* Forgets the first count of the ended ones: all queues were seen empty since then. */
void connections_forget(struct connections *connections, size_t count);

/* NULL: no such connection. */
const struct source_address *connections_source(const struct connections *connections, uint64_t id);
