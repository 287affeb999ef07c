/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what a decision needs, from rows as they are now. Decides nothing and changes nothing.
 */
#pragma once

#include "server/core/decide.h"
#include "server/core/parts.h"
#include "server/core/unlock.h"

/* An answer of the authorizer holds for so long, from when it was asked for. */
#define FACTS_ANSWER_MS (2 * AUTHORIZER_TIMEOUT_MS)

/* Who asks, and from where. */
struct facts_question {
	const uint8_t *device;
	const char *thumbprint; /* of the exchange key; NULL: of the present one */
	struct source_address source;
	uint64_t now_ms; /* a clock that only rises */
	bool is_malformed;
	const uint8_t *spent; /* the waiver that has given this question's reply already; or NULL */
	const struct unlock_consulted *consulted; /* NULL: the authorizer hasn't been asked */
};

/* What was read for one decision. */
struct facts_reading {
	struct decide_facts facts;
	struct store_unlock device;
	struct store_key key;
	char network_names[CIDR_NETWORKS_MAX][80]; /* of facts.networks */
	enum authorizer_cause cause;		   /* behind facts.authorizer */
	bool is_damaged; /* its rows make no sense: neither allowed nor denied */
};

/* The facts that need no store: is the question to be refused before anything is read? */
void facts_admit(const struct core_parts *parts, const struct facts_question *question,
		 struct decide_facts *ret);

/* All facts but what people have allowed or refused for this device and source. Inside a
 * transaction, or for a second look. */
int facts_read(struct core_parts *parts, const struct facts_question *question,
	       struct facts_reading *ret) MUST_CHECK;

/* The rest, for when decide() says that it could matter. */
int facts_read_people(struct core_parts *parts, const struct facts_question *question,
		      struct facts_reading *ret) MUST_CHECK;

/* What failures of a source are counted under: IPv6 by /64. */
struct source_address facts_failure_key(const struct source_address *source);
