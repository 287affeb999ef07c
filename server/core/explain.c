/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One look at the decision table.
 */
#include "server/core/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "server/core/facts.h"

_Static_assert(STEP_COUNT <= MESSAGE_RULES_MAX, "every rule has its place in the message");

static int look(struct core_parts *parts, const struct message_explain *request, uint64_t now_ms,
		struct facts_reading *ret)
{
	struct facts_question question = { .device = request->device,
					   .source = request->source,
					   .now_ms = now_ms };
	int r = facts_read(parts, &question, ret);

	if (r < 0 || ret->is_damaged)
		return r;
	return facts_read_people(parts, &question, ret);
}

/* The longest range of the list that holds the source. */
static void match(const struct decide_facts *facts, const struct cidr_list *list, const char *name,
		  struct message_explained *ret, unsigned *longest)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct cidr *range = &list->items[i];

		if (!cidr_contains(range, &facts->source) ||
		    (*longest > 0 && range->prefix < *longest))
			continue;
		*longest = MAX(range->prefix, 1);
		cidr_print(range, ret->matched);
		snprintf(ret->matched_by, sizeof(ret->matched_by), "%s", name);
	}
}

/* Registered addresses count only where people have named no source. */
static void match_source(const struct facts_reading *reading, struct message_explained *ret)
{
	const struct decide_facts *facts = &reading->facts;
	unsigned longest = 0;

	match(facts, &facts->allow_from, "allow_from", ret, &longest);
	for (size_t i = 0; i < facts->network_count; i++)
		match(facts, &facts->networks[i], reading->network_names[i], ret, &longest);
	if (facts->allow_from.count == 0 && facts->network_count == 0)
		match(facts, &facts->registered, "registered", ret, &longest);
}

static void describe(const struct facts_reading *reading, struct message_explained *ret)
{
	struct decision decision = decide(&reading->facts);
	enum decide_outcome outcomes[STEP_COUNT];

	ret->status = 200;
	ret->verdict = decision.allowed				      ? MESSAGE_VERDICT_ALLOW
		       : decision.is_pending || decision.must_consult ? MESSAGE_VERDICT_ASK
								      : MESSAGE_VERDICT_DENY;
	ret->reason = decision.reason;
	if (decision.waiver) {
		ret->has_waiver = 1;
		memcpy(ret->waiver, decision.waiver->id, sizeof(ret->waiver));
	}
	decide_explain(&reading->facts, outcomes);
	ret->rule_count = STEP_COUNT;
	for (int step = 0; step < STEP_COUNT; step++) {
		ret->rules[step].reason = (uint8_t)decide_step_reason((enum decide_step)step);
		ret->rules[step].outcome = (uint8_t)outcomes[step];
	}
	match_source(reading, ret);
}

int explain_serve(struct core_parts *parts, const struct message_explain *request, uint64_t now_ms,
		  struct message_explained *ret)
{
	struct facts_reading reading;
	int r = look(parts, request, now_ms, &reading);

	memcpy(ret->device, request->device, sizeof(ret->device));
	ret->source = request->source;
	if (r != 0 || reading.is_damaged)
		ret->status = 503;
	else if (!reading.facts.device_known ||
		 memcmp(reading.device.organization, request->organization,
			sizeof(request->organization)) != 0)
		ret->status = 404;
	else
		describe(&reading, ret);
	return r <= 0 ? r : fail(-EIO, "the store contradicts itself while explaining");
}
