/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between core.c (start, loop, time) and serve.c (messages).
 */
#pragma once

#include "server/core/checkpoint.h"
#include "server/core/core.h"
#include "server/core/held.h"
#include "server/core/parts.h"
#include "server/core/unlock.h"
#include "server/message_io.h"

/* The first is the monitor, then the courier; who asks comes behind them: admin, then the fronts.
 */
#define MONITOR 0
#define COURIER 1
#define ADMIN 2
#define FRONTS 3
#define PORTS_MAX (FRONTS + PROCESS_FRONTS_MAX)
#define HEALTH_RETRY_MS 5000
#define CHECKPOINT_RETRY_MS 60000
#define HELD_LOOK_MS 250 /* how often the held are looked at */

struct consults;

struct core {
	struct core_parts parts;
	struct checkpoints *checkpoints;
	uint64_t checkpoint_ms;		      /* not before */
	struct message_port ports[PORTS_MAX]; /* fd -1: dropped */
	size_t port_count, front_count;
	struct unlock_item batch[UNLOCK_BATCH_MAX];
	size_t batch_count;
	struct held *held;
	struct consults *consults;
	uint64_t held_look_ms, held_version;
	bool unwell;
	bool is_stale; /* the KEK was rotated: core ends, and starts anew with the new one */
	uint64_t flush_ms;
};

/* A clock that only rises. */
uint64_t core_now_ms(void);

/* r < 0: the store failed; tells everybody when that is new. -ESTALE: core starts
 * anew if the KEK was rotated. */
void core_unwell(struct core *core, int r);

/* The store was written to: tells everybody when that is new. */
void core_well(struct core *core);

/* Reads what the monitor says. MESSAGE_END: it is gone. */
int serve_monitor(struct core *core) MUST_CHECK;

/* Takes at most UNLOCK_BATCH_MAX questions of fronts and admin, one a port in turn, so that a busy
 * one doesn't starve the others; answers all but exchanges, which go into the batch. True when all
 * queues were seen empty. */
bool serve_ports(struct core *core);

/* Sends, or logs that it can't. Does nothing for one that was dropped. */
void serve_send(struct core *core, size_t port, const union message *message);

/* Who has broken the contract, as fail_text() says, isn't talked to any more. */
void serve_drop(struct core *core, size_t port);

/* Decides and answers the batch. */
void serve_batch(struct core *core);

/* Serves those again whose time is over, or who people may have decided about. */
void serve_held(struct core *core);
