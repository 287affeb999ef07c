/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unlocks that wait for people, each for a little while: the client's connection is kept, nothing
 * is spent or computed. Bounded, per source too. Decides nothing.
 */
#pragma once

#include "server/core/unlock.h"

/* Shorter than front waits for core (EDGE_WAIT_S) and than a client waits for us. */
#define HELD_MS (22 * 1000ULL)
#define HELD_MAX 1024
#define HELD_SOURCE_MAX 64

struct held;

int held_open(struct held **ret) MUST_CHECK;
void held_close(struct held *held);
DEFINE_CLEANUP(struct held *, held_close);

size_t held_count(const struct held *held);

/* False: no room, the item has to be answered now. An item that was held before keeps its end. */
bool held_add(struct held *held, const struct unlock_item *item);

/* The connection, or whatever came from that port, is over: nobody waits. */
void held_forget(struct held *held, uint64_t connection);
void held_forget_port(struct held *held, size_t port);

/* The item at a position below held_count(), as it is to be served again: is_last when its time is
 * over at now_ms. held_take() also removes it; the order of the others may change. */
struct unlock_item held_look(const struct held *held, size_t at, uint64_t now_ms);
struct unlock_item held_take(struct held *held, size_t at, uint64_t now_ms);
