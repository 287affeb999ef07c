/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core process is made of, for the files that serve a request.
 */
#pragma once

#include "server/core/advert.h"
#include "server/core/audit.h"
#include "server/core/connections.h"
#include "server/core/exchange.h"
#include "server/core/keys.h"
#include "server/core/throttle.h"
#include "server/rate.h"
#include "server/store/store_core.h"

struct core_parts {
	struct store *store;
	struct exchange *exchange;
	struct epochs *epochs;
	struct keys *keys;
	struct adverts *adverts;
	struct audit *audit;
	struct throttle *throttle;
	struct connections *connections;
	struct rate_table *rate;
};

/* Opens the store, the KEK of the server's folder and everything else. */
int core_parts_open(const struct server_config *config, struct core_parts *ret) MUST_CHECK;
void core_parts_close(struct core_parts *parts);

/* Ends a transaction of which r is the result so far: commits when it is 0, else rolls back;
 * settles the audit accordingly. Returns r, or what the commit returned. */
int core_parts_end(struct core_parts *parts, int r) MUST_CHECK;
