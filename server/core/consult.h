/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unlocks that wait for their organization's external authorizer, and admins who only try it: asked
 * through the courier, outside of any transaction. Whatever comes of it, each is served again, with
 * the answer at hand, for that one time. Bounded, for each organization too. Decides nothing.
 */
#pragma once

#include "server/core/internal.h"

#define CONSULT_MAX 512
#define CONSULT_ORGANIZATION_MAX 256

int consults_open(struct consults **ret) MUST_CHECK;
void consults_close(struct consults *consults);
DEFINE_CLEANUP(struct consults *, consults_close);

/* Asks for an item that must consult. False: no room, the item has to be answered now. */
bool consult_add(struct core *core, const struct unlock_item *item);

/* Asks about nothing; the answer goes to who sent the message. Negative: the store failed, and it
 * was told so. */
int consult_try(struct core *core, size_t port, const struct message_consult *asked) MUST_CHECK;

/* The connection, or whatever came from that port, is over. */
void consult_forget(struct core *core, uint64_t connection);
void consult_forget_port(struct core *core, size_t port);

/* When the first of them must be served again at the latest, by core_now_ms(); UINT64_MAX: none. */
uint64_t consult_next_ms(const struct core *core);

/* Reads what the courier says, and serves those again that have an answer or no more time. */
void consult_serve(struct core *core);
