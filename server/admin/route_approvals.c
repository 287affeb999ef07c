/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for approval: list, show, approve, deny, defer.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"

#define DEFER_DEFAULT_S 3600
#define DEFER_MOST_S (7 * 24 * 3600)

static bool is_set(const uint8_t *id)
{
	static const uint8_t none[WAIVER_ID_BYTES];

	return memcmp(id, none, sizeof(none)) != 0;
}

static json_t *json_of_approval(const struct store_approval *approval)
{
	char id[33], device[2 * DEVICE_ID_BYTES + 1], waiver[2 * WAIVER_ID_BYTES + 1] = "";

	text_hex(id, approval->id, sizeof(approval->id));
	text_hex(device, approval->device, DEVICE_ID_BYTES);
	if (is_set(approval->waiver))
		text_hex(waiver, approval->waiver, WAIVER_ID_BYTES);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I,"
			 " s:I, s:I, s:I, s:I, s:I}",
			 "approval", id, "device", device, "device_name", approval->device_name,
			 "kind", approval->kind, "source", approval->source, "reason",
			 approval->reason, "state", approval->state, "waiver", waiver, "created_by",
			 approval->created_by, "decided_by", approval->decided_by, "detail",
			 approval->detail, "created", (json_int_t)approval->created_s, "last",
			 (json_int_t)approval->last_s, "asked", (json_int_t)approval->asked,
			 "deferred_until", (json_int_t)approval->deferred_until_s, "decided",
			 (json_int_t)approval->decided_s, "votes", (json_int_t)approval->votes,
			 "quorum", (json_int_t)approval->quorum, "other_addresses",
			 (json_int_t)approval->other_addresses);
}

static int append_row(const struct store_approval *row, void *userdata)
{
	json_t *list = userdata;

	if (json_array_append_new(list, json_of_approval(row)))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void route_approvals_list(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	char state[16] = "pending";
	int r;

	(void)http_query_value(call->request->query, "state", state, sizeof(state));
	if (strcmp(state, "pending") != 0 && strcmp(state, "all") != 0) {
		problem_answer(call->connection, "invalid",
			       "query \"state\" must be pending or all");
		return;
	}
	r = store_approvals(call->admin->store, call->user.organization,
			    strcmp(state, "pending") == 0, append_row, list);
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "approvals", list));
}

static int take_row(const struct store_approval *row, void *userdata)
{
	json_t **ret = userdata;

	*ret = json_of_approval(row);
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

static void answer_approval(struct call *call)
{
	uint8_t id[16];
	json_t *value = NULL;
	int r = STORE_NOT_FOUND;

	_Static_assert(sizeof(id) == DEVICE_ID_BYTES, "one reader for both");
	if (read_device_id(call->words[0], id))
		r = store_approval(call->admin->store, call->user.organization, id, take_row,
				   &value);
	if (r == 0)
		answer_json(call->connection, 200, value);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "not-found",
			       "Your organization has no request with this id.");
}

void route_approvals_show(struct call *call)
{
	answer_approval(call);
}

static void vote(struct call *call, enum store_vote what, uint64_t defer_s)
{
	uint8_t id[16];
	int r = STORE_NOT_FOUND;

	if (read_device_id(call->words[0], id))
		r = store_approval_vote(call->admin->store, &call->by, id, what, defer_s);
	if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict",
			       "It isn't pending any more, or the device has too many waivers.");
	else if (r == STORE_NOT_APPROVER)
		problem_answer(call->connection, "approver",
			       "You aren't among its approvers, or have asked for it yourself.");
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_approval(call); /* says "not found" too */
}

void route_approve(struct call *call)
{
	vote(call, VOTE_APPROVE, 0);
}

void route_deny(struct call *call)
{
	vote(call, VOTE_DENY, 0);
}

void route_defer(struct call *call)
{
	static const char *const names[] = { "for_s", NULL };
	uint64_t defer_s;
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = body_number(call->body, "for_s", DEFER_DEFAULT_S, 1, DEFER_MOST_S, &defer_s);
	if (r < 0)
		answer_invalid(call->connection);
	else
		vote(call, VOTE_DEFER, defer_s);
}
