/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's policy: change it, announce a reboot. What a body doesn't mention stays.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/routes.h"

#define WORD_MAX 64
#define NAME_MAX_BYTES 255
#define REBOOT_DEFAULT_S 3600
#define REBOOT_MOST_S (31ULL * 24 * 3600)
#define ABSENCE_MOST_S (10ULL * 366 * 24 * 3600)

/* What the texts and numbers of a struct store_device_policy point at. */
struct holder {
	struct store_device_policy policy;
	char tags[1024], allow_from[2048], networks[2048];
	struct cidr_list add_from, remove_from;
	uint64_t absence_s;
	bool absence_denies;
};

static bool has(const json_t *body, const char *name)
{
	return json_object_get(body, name) != NULL;
}

static int read_list(const json_t *body, const char *name, struct cidr_list *to,
		     const struct cidr_list **ret)
{
	char text[2048];
	int r;

	if (!has(body, name))
		return 0;
	r = body_ranges(body, name, text, sizeof(text));
	if (!r)
		r = cidr_list_parse(text, to);
	*ret = to;
	return r;
}

static int read_texts(const json_t *body, struct store_device_policy *policy)
{
	const struct {
		const char *name;
		size_t max;
		const char **to;
	} rows[] = {
		{ "name", NAME_MAX_BYTES, &policy->name },
		{ "environment", WORD_MAX, &policy->environment },
		{ "workload", WORD_MAX, &policy->workload },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = has(body, rows[i].name)
				? body_text(body, rows[i].name, rows[i].max, rows[i].to)
				: 0;

		if (r < 0)
			return r;
	}
	if (policy->name && !policy->name[0])
		return fail(-EINVAL, "member \"name\" is empty");
	return 0;
}

static int read_sources(const json_t *body, struct holder *holder)
{
	struct store_device_policy *policy = &holder->policy;
	int r = 0;

	if (has(body, "tags")) {
		r = body_tags(body, holder->tags, sizeof(holder->tags));
		policy->tags = holder->tags;
	}
	if (!r && has(body, "allow_from")) {
		r = body_ranges(body, "allow_from", holder->allow_from, sizeof(holder->allow_from));
		policy->allow_from = holder->allow_from;
	}
	if (!r && has(body, "network_lists")) {
		r = body_list_names(body, holder->networks, sizeof(holder->networks));
		policy->networks = holder->networks;
	}
	if (!r)
		r = read_list(body, "add_from", &holder->add_from, &policy->add_from);
	return r ? r : read_list(body, "remove_from", &holder->remove_from, &policy->remove_from);
}

static int read_absence(const json_t *body, struct holder *holder)
{
	const char *word = NULL;
	int r = 0;

	if (has(body, "absence_s")) {
		r = body_number(body, "absence_s", 0, 0, ABSENCE_MOST_S, &holder->absence_s);
		holder->policy.absence_s = &holder->absence_s;
	}
	if (!r && has(body, "absence"))
		r = js_string(body, "absence", &word);
	if (r < 0 || !word)
		return r;
	if (strcmp(word, "ask") != 0 && strcmp(word, "deny") != 0)
		return fail(-EINVAL, "member \"absence\" must be ask or deny");
	holder->absence_denies = strcmp(word, "deny") == 0;
	holder->policy.absence_denies = &holder->absence_denies;
	return 0;
}

static int read_reboots(const json_t *body, const char **ret)
{
	int r = js_string(body, "reboots", ret);

	if (!r && strcmp(*ret, "any") != 0 && strcmp(*ret, "announced") != 0)
		r = fail(-EINVAL, "member \"reboots\" must be any or announced");
	return r;
}

static int read_policy(const json_t *body, struct holder *ret)
{
	static const char *const names[] = { "name",	   "environment", "workload",
					     "tags",	   "approval",	  "network_lists",
					     "add_from",   "remove_from", "absence",
					     "allow_from", "absence_s",	  "reboots",
					     NULL };
	int r;

	r = body_only(body, names);
	if (!r)
		r = read_texts(body, &ret->policy);
	if (!r)
		r = read_sources(body, ret);
	if (!r && has(body, "approval"))
		r = body_approval(body, &ret->policy.approval);
	if (!r && has(body, "reboots"))
		r = read_reboots(body, &ret->policy.reboots);
	return r < 0 ? r : read_absence(body, ret);
}

void route_devices_set(struct call *call)
{
	struct holder holder = { .policy = { .name = NULL } };
	uint8_t id[DEVICE_ID_BYTES];
	int r = STORE_NOT_FOUND;

	if (read_policy(call->body, &holder) < 0) {
		answer_invalid(call->connection);
		return;
	}
	if (read_device_id(call->words[0], id))
		r = store_device_set(call->admin->store, &call->by, id, &holder.policy);
	if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict",
			       "The device is revoked, or would have more than %d ranges.",
			       CIDR_LIST_MAX);
	else if (r == STORE_NO_LIST)
		problem_answer(call->connection, "invalid",
			       "member \"network_lists\" names one that doesn't exist");
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, SUBJECT_DEVICE);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		route_devices_show(call); /* says "not found" too */
}

void route_devices_expect(struct call *call)
{
	static const char *const names[] = { "in_s", "for_s", NULL };
	uint64_t in_s, for_s;
	uint8_t id[DEVICE_ID_BYTES];
	int r = body_only(call->body, names);

	if (!r)
		r = body_number(call->body, "in_s", 0, 0, REBOOT_MOST_S, &in_s);
	if (!r)
		r = body_number(call->body, "for_s", REBOOT_DEFAULT_S, 60, REBOOT_MOST_S, &for_s);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = STORE_NOT_FOUND;
	if (read_device_id(call->words[0], id))
		r = store_device_expect(call->admin->store, &call->by, id, in_s, for_s);
	if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict", "The device is revoked.");
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		route_devices_show(call); /* says "not found" too */
}
