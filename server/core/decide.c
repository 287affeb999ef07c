/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision table. A rule either denies, allows, or passes to the next; the last allows. A step
 * without a rule passes, so that later rules find their place kept.
 */
#include "server/core/decide.h"

enum verdict { VERDICT_NEXT, VERDICT_DENY, VERDICT_ALLOW };

struct rule {
	enum verdict (*verdict)(const struct decide_facts *facts);
	enum reason reason;
};

static enum verdict check_unknown(const struct decide_facts *facts)
{
	return facts->device_known && facts->key_known ? VERDICT_NEXT : VERDICT_DENY;
}

static enum verdict check_revoked(const struct decide_facts *facts)
{
	return facts->revoked_s > 0 ? VERDICT_DENY : VERDICT_NEXT;
}

static bool family_is_registered(const struct decide_facts *facts)
{
	bool v4 = source_is_v4(&facts->source);

	for (size_t i = 0; i < facts->registered.count; i++)
		if (cidr_is_v4(&facts->registered.items[i]) == v4)
			return true;
	return false;
}

/* People's list holds alone. Without one: the registered addresses, and while converting any
 * address of a family that has none yet. An active device with neither is closed. */
static enum verdict check_source(const struct decide_facts *facts)
{
	bool allowed;

	if (facts->allow_from.count > 0)
		allowed = cidr_list_contains(&facts->allow_from, &facts->source);
	else if (decide_is_converting(facts) && !family_is_registered(facts))
		allowed = true;
	else
		allowed = cidr_list_contains(&facts->registered, &facts->source);
	return allowed ? VERDICT_NEXT : VERDICT_DENY;
}

static enum verdict check_disabled(const struct decide_facts *facts)
{
	return facts->disabled ? VERDICT_DENY : VERDICT_NEXT;
}

/* No waiver of a device's helps: what was revoked since the backup may be converting in it. */
static enum verdict check_quarantine(const struct decide_facts *facts)
{
	return facts->quarantined ? VERDICT_DENY : VERDICT_NEXT;
}

static enum verdict waive_converting(const struct decide_facts *facts)
{
	return decide_is_converting(facts) ? VERDICT_ALLOW : VERDICT_NEXT;
}

static enum verdict allow(const struct decide_facts *facts UNUSED)
{
	return VERDICT_ALLOW;
}

static const struct rule rules[STEP_COUNT] = {
	[STEP_UNKNOWN] = { check_unknown, REASON_UNKNOWN },
	[STEP_REVOKED] = { check_revoked, REASON_REVOKED },
	[STEP_SOURCE] = { check_source, REASON_SOURCE },
	[STEP_DISABLED] = { check_disabled, REASON_DISABLED },
	[STEP_ABSENCE] = { NULL, REASON_ABSENCE },
	[STEP_QUARANTINE] = { check_quarantine, REASON_QUARANTINE },
	[STEP_APPROVAL] = { NULL, REASON_APPROVAL },
	[STEP_CONVERTING] = { waive_converting, REASON_CONVERTING },
	[STEP_ALLOW] = { allow, REASON_POLICY },
};

struct decision decide(const struct decide_facts *facts)
{
	for (int step = 0; step < STEP_COUNT; step++) {
		const struct rule *rule = &rules[step];
		enum verdict verdict = rule->verdict ? rule->verdict(facts) : VERDICT_NEXT;

		if (verdict == VERDICT_DENY)
			return (struct decision){ .reason = rule->reason };
		if (verdict == VERDICT_ALLOW)
			return (struct decision){
				.allowed = true,
				.reason = rule->reason,
				.is_new_address = decide_is_converting(facts) &&
						  !family_is_registered(facts),
			};
	}
	return (struct decision){ .reason = REASON_UNKNOWN };
}
