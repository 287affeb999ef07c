/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From rows to struct decide_facts.
 */
#include "server/core/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

struct source_address facts_failure_key(const struct source_address *source)
{
	struct cidr range = cidr_registered(source);
	struct source_address key = { .port = 0 };

	memcpy(key.bytes, range.bytes, sizeof(key.bytes));
	return key;
}

void facts_admit(const struct core_parts *parts, const struct facts_question *question,
		 struct decide_facts *ret)
{
	struct source_address source = facts_failure_key(&question->source);

	memset(ret, 0, sizeof(*ret));
	ret->source = question->source;
	ret->is_malformed = question->is_malformed;
	ret->is_crowded = rate_is_used_up(parts->rate, RATE_CLASS_FAILED, &source,
					  question->now_ms);
}

static bool is_hasty(const struct core_parts *parts, const struct facts_question *question)
{
	struct source_address key = { .port = 0 };

	_Static_assert(sizeof(key.bytes) == DEVICE_ID_BYTES, "a device's id is a key of rates");
	memcpy(key.bytes, question->device, sizeof(key.bytes));
	return rate_is_used_up(parts->rate, RATE_CLASS_DEVICE, &key, question->now_ms);
}

static const char *const approval_needs[] = {
	[APPROVAL_NONE] = "none",
	[APPROVAL_ACTIVE] = "active",
	[APPROVAL_ALWAYS] = "always",
};

/* A group that the device's tags put it under asks as if the device did. */
static int take_approval(const struct store_unlock *device, struct decide_facts *facts)
{
	size_t need = 0;

	while (need < ARRAY_SIZE(approval_needs) &&
	       strcmp(approval_needs[need], device->approval) != 0)
		need++;
	if (need == ARRAY_SIZE(approval_needs))
		return fail(-EINVAL, "approval is an unknown word");
	facts->approval = (enum approval_need)need;
	if (device->groups > 0 && facts->approval == APPROVAL_NONE)
		facts->approval = APPROVAL_ACTIVE;
	return 0;
}

static int take_device(struct facts_reading *reading)
{
	const struct store_unlock *device = &reading->device;
	struct decide_facts *facts = &reading->facts;
	int r;

	facts->device_known = true;
	facts->disabled = device->disabled;
	facts->quarantined = device->quarantined;
	facts->held = device->held;
	facts->is_outdated = device->needs_rules > DECIDE_RULES;
	facts->revoked_s = device->revoked_s;
	facts->converting_until_s = device->converting_until_s;
	facts->absence_s = device->absence_s;
	facts->absence_denies = device->absence_denies;
	/* What was never seen counts from when it could have been; a window that has just ended is
	 * no absence either. */
	facts->seen_s = MAX(MAX(device->last_seen_s, device->created_s),
			    MAX(device->left_s, device->converting_until_s));
	r = take_approval(device, facts);
	if (r == 0)
		r = cidr_list_parse(device->allow_from, &facts->allow_from);
	return r < 0 ? r : cidr_list_parse(device->registered, &facts->registered);
}

static int take_network(const char *name, const char *ranges, void *userdata)
{
	struct facts_reading *reading = userdata;
	struct decide_facts *facts = &reading->facts;

	if (facts->network_count == CIDR_NETWORKS_MAX ||
	    cidr_list_parse(ranges, &facts->networks[facts->network_count]) < 0) {
		reading->is_damaged = true;
		return 0;
	}
	snprintf(reading->network_names[facts->network_count++], sizeof(reading->network_names[0]),
		 "%s", name);
	return 0;
}

static int read_networks(struct core_parts *parts, const struct facts_question *question,
			 struct facts_reading *ret)
{
	int r;

	if (!ret->device.names_networks)
		return 0;
	r = store_unlock_networks(parts->store, question->device, take_network, ret);
	if (r == STORE_NOT_FOUND)
		(void)fail(-ENOENT, "a network list is missing");
	ret->is_damaged = ret->is_damaged || r == STORE_NOT_FOUND;
	return MIN(r, 0);
}

/* Does what the authorizer said still hold, for the setting of now and by the clock of now? */
static enum authorizer_cause check_answer(const struct facts_question *question,
					  const struct facts_reading *reading)
{
	const struct unlock_consulted *consulted = question->consulted;

	if (!consulted || consulted->cause == AUTHORIZER_NOT_ASKED)
		return AUTHORIZER_NOT_ASKED;
	if (memcmp(consulted->version, reading->device.authorizer, sizeof(consulted->version)) != 0)
		return AUTHORIZER_CHANGED;
	if (consulted->cause != AUTHORIZER_SAID_ALLOW)
		return consulted->cause;
	if (question->now_ms - consulted->asked_ms > FACTS_ANSWER_MS)
		return AUTHORIZER_TIMEOUT;
	return consulted->expires_s > reading->facts.now_s ? AUTHORIZER_SAID_ALLOW
							   : AUTHORIZER_EXPIRED;
}

static void take_authorizer(const struct facts_question *question, struct facts_reading *ret)
{
	if (!ret->device.has_authorizer)
		return;
	ret->cause = check_answer(question, ret);
	ret->facts.authorizer = ret->cause == AUTHORIZER_NOT_ASKED    ? AUTHORIZER_UNASKED
				: ret->cause == AUTHORIZER_SAID_ALLOW ? AUTHORIZER_ALLOWS
								      : AUTHORIZER_DENIES;
	if (question->consulted)
		ret->facts.authorized_for = question->consulted->reason;
}

int facts_read(struct core_parts *parts, const struct facts_question *question,
	       struct facts_reading *ret)
{
	struct decide_facts *facts = &ret->facts;
	int r;

	memset(ret, 0, sizeof(*ret));
	facts_admit(parts, question, facts);
	facts->is_hasty = is_hasty(parts, question);
	r = store_now(parts->store, &facts->now_s);
	if (r == 0)
		r = store_unlock(parts->store, question->device, &ret->device);
	if (r != 0)
		return r == STORE_NOT_FOUND ? 0 : r;
	ret->is_damaged = take_device(ret) < 0;
	take_authorizer(question, ret);
	if (!ret->is_damaged)
		r = read_networks(parts, question, ret);
	if (r < 0 || ret->is_damaged)
		return r;
	r = store_key(parts->store, question->device, question->thumbprint, &ret->key);
	/* A destroyed device has no key any more: it is denied as revoked, which it is too. */
	facts->key_known = r == 0 || ret->device.destroyed_s > 0;
	return r == STORE_NOT_FOUND ? 0 : r;
}

int facts_read_people(struct core_parts *parts, const struct facts_question *question,
		      struct facts_reading *ret)
{
	struct decide_facts *facts = &ret->facts;
	int r;

	r = store_waivers_live(parts->store, question->device, &question->source, facts->now_s,
			       DECIDE_WAIVERS_MAX, facts->waivers, &facts->waiver_count);
	if (r == 0)
		r = store_approval_refused(parts->store, question->device, &question->source,
					   facts->now_s, &facts->is_refused);
	if (r < 0 || !question->spent)
		return r;
	for (size_t i = 0; i < facts->waiver_count; i++)
		if (memcmp(facts->waivers[i].id, question->spent, WAIVER_ID_BYTES) == 0)
			facts->waivers[i].is_spent = true;
	return 0;
}
