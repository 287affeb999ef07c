/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slows guessing of enrollment keys, per source (IPv6 by /64), never for everybody. A few mistakes
 * are free; then each costs a doubling pause, during which every key from there is refused, right
 * ones too. Bounded memory; forgets after an hour without mistakes.
 */
#pragma once

#include "common/cleanup.h"
#include "server/cidr.h"

struct throttle;

int throttle_open(struct throttle **ret) MUST_CHECK;
void throttle_close(struct throttle *throttle);
DEFINE_CLEANUP(struct throttle *, throttle_close);

/* May the source try now? now_ms: a clock that only rises. */
bool throttle_allows(struct throttle *throttle, const struct source_address *source,
		     uint64_t now_ms);

/* The source has made a mistake. */
void throttle_failed(struct throttle *throttle, const struct source_address *source,
		     uint64_t now_ms);
