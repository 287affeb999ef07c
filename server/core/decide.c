/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decision table. A rule passes, denies, or asks for people; where its row names what can be
 * waived, a waiver that names the same lifts it. One waiver must cover everything that has to be
 * waived: permissions given for different purposes don't add up. The authorizer's rule is the last,
 * so that nobody outside is asked about what is denied anyway.
 */
#include "server/core/decide.h"

#include <string.h>

enum verdict { VERDICT_PASS, VERDICT_DENY, VERDICT_ASK, VERDICT_CONSULT };

struct rule {
	enum verdict (*verdict)(const struct decide_facts *facts);
	enum reason reason;
	unsigned waivable; /* 0: by nothing and nobody */
};

static enum verdict deny_if(bool is_denied)
{
	return is_denied ? VERDICT_DENY : VERDICT_PASS;
}

static enum verdict check_admission(const struct decide_facts *facts)
{
	return deny_if(facts->is_crowded);
}

static enum verdict check_malformed(const struct decide_facts *facts)
{
	return deny_if(facts->is_malformed);
}

static enum verdict check_unknown(const struct decide_facts *facts)
{
	return deny_if(!facts->device_known || !facts->key_known);
}

static enum verdict check_revoked(const struct decide_facts *facts)
{
	return deny_if(facts->revoked_s > 0);
}

/* What isn't known can't be asked: another node must decide. */
static enum verdict check_outdated(const struct decide_facts *facts)
{
	return deny_if(facts->is_outdated);
}

static enum verdict check_held(const struct decide_facts *facts)
{
	return deny_if(facts->held);
}

static bool family_is_registered(const struct decide_facts *facts)
{
	bool v4 = source_is_v4(&facts->source);

	for (size_t i = 0; i < facts->registered.count; i++)
		if (cidr_is_v4(&facts->registered.items[i]) == v4)
			return true;
	return false;
}

static bool people_allow(const struct decide_facts *facts)
{
	bool allowed = cidr_list_contains(&facts->allow_from, &facts->source);

	for (size_t i = 0; !allowed && i < facts->network_count; i++)
		allowed = cidr_list_contains(&facts->networks[i], &facts->source);
	return allowed;
}

/* What people have named holds alone, a network list without ranges too. Without: the registered
 * addresses, and while converting any address of a family that has none yet. An active device with
 * neither is closed. */
static enum verdict check_source(const struct decide_facts *facts)
{
	if (facts->allow_from.count > 0 || facts->network_count > 0)
		return deny_if(!people_allow(facts));
	if (decide_is_converting(facts) && !family_is_registered(facts))
		return VERDICT_PASS;
	return deny_if(!cidr_list_contains(&facts->registered, &facts->source));
}

static enum verdict check_rate(const struct decide_facts *facts)
{
	return deny_if(facts->is_hasty);
}

static enum verdict check_disabled(const struct decide_facts *facts)
{
	return deny_if(facts->disabled);
}

static enum verdict check_absence(const struct decide_facts *facts)
{
	if (facts->absence_s == 0 || decide_is_converting(facts) ||
	    facts->now_s < facts->seen_s + facts->absence_s)
		return VERDICT_PASS;
	return facts->absence_denies ? VERDICT_DENY : VERDICT_ASK;
}

/* Converting doesn't help: what was revoked since the backup may be converting in it. */
static enum verdict check_quarantine(const struct decide_facts *facts)
{
	return facts->quarantined ? VERDICT_ASK : VERDICT_PASS;
}

static enum verdict check_approval(const struct decide_facts *facts)
{
	return facts->approval == APPROVAL_NONE ? VERDICT_PASS : VERDICT_ASK;
}

static enum verdict check_authorizer(const struct decide_facts *facts)
{
	static const enum verdict verdicts[] = {
		[AUTHORIZER_NONE] = VERDICT_PASS,
		[AUTHORIZER_UNASKED] = VERDICT_CONSULT,
		[AUTHORIZER_ALLOWS] = VERDICT_PASS,
		[AUTHORIZER_DENIES] = VERDICT_DENY,
	};

	return verdicts[facts->authorizer];
}

static const struct rule rules[STEP_COUNT] = {
	[STEP_ADMISSION] = { check_admission, REASON_ADMISSION, 0 },
	[STEP_MALFORMED] = { check_malformed, REASON_MALFORMED, 0 },
	[STEP_UNKNOWN] = { check_unknown, REASON_UNKNOWN, 0 },
	[STEP_REVOKED] = { check_revoked, REASON_REVOKED, 0 },
	[STEP_OUTDATED] = { check_outdated, REASON_OUTDATED, 0 },
	[STEP_HELD] = { check_held, REASON_HELD, 0 },
	[STEP_SOURCE] = { check_source, REASON_SOURCE, WAIVES_SOURCE },
	[STEP_RATE] = { check_rate, REASON_RATE, 0 },
	[STEP_DISABLED] = { check_disabled, REASON_DISABLED, WAIVES_DISABLED },
	[STEP_ABSENCE] = { check_absence, REASON_ABSENCE, WAIVES_ABSENCE },
	[STEP_QUARANTINE] = { check_quarantine, REASON_QUARANTINE, WAIVES_QUARANTINE },
	[STEP_APPROVAL] = { check_approval, REASON_APPROVAL, WAIVES_APPROVAL },
	[STEP_AUTHORIZER] = { check_authorizer, REASON_AUTHORIZER, 0 },
};

/* --- waivers --------------------------------------------------------------------------------- */

static bool is_same_address(const struct source_address *a, const struct source_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool window_is_open(const struct waiver *waiver, uint64_t now_s)
{
	return now_s < waiver->window_until_s;
}

/* Has it a reply for this source, in the boot that has begun or in the next? */
static bool is_usable(const struct waiver *waiver, const struct decide_facts *facts)
{
	if (waiver->is_spent)
		return true;
	if (waiver->has_source && !is_same_address(&waiver->source, &facts->source))
		return false;
	if (window_is_open(waiver, facts->now_s)) {
		if (!is_same_address(&waiver->window_source, &facts->source))
			return false;
		if (waiver->window_replies_left > 0)
			return true;
	}
	return waiver->boots_left > 0 && waiver->replies_per_boot > 0 &&
	       facts->now_s < waiver->expires_s;
}

/* The first that names all that has to be waived; NULL: none. */
static const struct waiver *find_waiver(const struct decide_facts *facts, unsigned needed)
{
	for (size_t i = 0; i < facts->waiver_count; i++) {
		const struct waiver *waiver = &facts->waivers[i];

		if ((waiver->waives & needed) == needed && is_usable(waiver, facts))
			return waiver;
	}
	return NULL;
}

struct waiver decide_spend(const struct waiver *waiver, const struct source_address *source,
			   uint64_t now_s)
{
	struct waiver spent = *waiver;

	if (!window_is_open(waiver, now_s) || waiver->window_replies_left == 0) {
		spent.boots_left--;
		spent.window_until_s = now_s + waiver->window_s;
		spent.window_source = *source;
		spent.window_replies_left = waiver->replies_per_boot;
	}
	spent.window_replies_left--;
	return spent;
}

/* Converting waives approval, and nothing else, without being used up. */
static unsigned waived_by_converting(const struct decide_facts *facts)
{
	return decide_is_converting(facts) && facts->approval != APPROVAL_ALWAYS ? WAIVES_APPROVAL
										 : 0;
}

/* --- the table ------------------------------------------------------------------------------- */

static struct decision block(const struct decide_facts *facts, const struct rule *rule,
			     enum verdict verdict)
{
	struct decision decision = { .reason = rule->reason, .is_waivable = rule->waivable != 0 };

	if (verdict == VERDICT_CONSULT)
		decision.must_consult = true;
	else if (verdict == VERDICT_ASK && facts->is_refused)
		decision.reason = REASON_REFUSED;
	else
		decision.is_pending = verdict == VERDICT_ASK;
	return decision;
}

/* What an unlock that nothing stands against is allowed by. */
static enum reason allowed_by(const struct decide_facts *facts, unsigned needed)
{
	if (needed)
		return REASON_WAIVER;
	return decide_is_converting(facts) ? REASON_CONVERTING : REASON_POLICY;
}

struct decision decide(const struct decide_facts *facts)
{
	unsigned needed = 0;
	struct decision decision = { .allowed = true };

	for (int step = 0; step < STEP_COUNT; step++) {
		const struct rule *rule = &rules[step];
		enum verdict verdict = rule->verdict(facts);

		if (verdict == VERDICT_PASS ||
		    (rule->waivable && rule->waivable == waived_by_converting(facts)))
			continue;
		needed |= rule->waivable;
		if (!rule->waivable || !find_waiver(facts, needed)) {
			decision = block(facts, rule, verdict);
			decision.consult_for = allowed_by(facts, needed);
			return decision;
		}
	}
	decision.reason = allowed_by(facts, needed);
	/* A yes for one thing is none for another. */
	if (facts->authorizer == AUTHORIZER_ALLOWS && facts->authorized_for != decision.reason)
		return block(facts, &rules[STEP_AUTHORIZER], VERDICT_DENY);
	if (needed)
		decision.waiver = find_waiver(facts, needed);
	decision.is_new_address = decide_is_converting(facts) && !(needed & WAIVES_SOURCE) &&
				  !family_is_registered(facts);
	return decision;
}

void decide_explain(const struct decide_facts *facts, enum decide_outcome ret[static STEP_COUNT])
{
	unsigned needed = 0;

	for (int step = 0; step < STEP_COUNT; step++) {
		enum verdict verdict = rules[step].verdict(facts);
		unsigned waivable = rules[step].waivable;

		ret[step] = OUTCOME_PASSES;
		if (verdict == VERDICT_PASS)
			continue;
		ret[step] = verdict == VERDICT_CONSULT ||
					    (verdict == VERDICT_ASK && !facts->is_refused)
				    ? OUTCOME_ASKS
				    : OUTCOME_DENIES;
		if (waivable && waivable == waived_by_converting(facts)) {
			ret[step] = OUTCOME_WAIVED;
		} else if (waivable && find_waiver(facts, needed | waivable)) {
			needed |= waivable;
			ret[step] = OUTCOME_WAIVED;
		}
	}
}

enum reason decide_step_reason(enum decide_step step)
{
	return rules[step].reason;
}
