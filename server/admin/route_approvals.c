/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for approval: list, show, approve, deny, defer.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"
#include "server/admin/rows.h"

#define DEFER_DEFAULT_S 3600
#define DEFER_MOST_S (7 * 24 * 3600)

static const struct noun noun = {
	.list = "approvals",
	.missing = "Your organization has no request with this id.",
	.not_approver = "You aren't among its approvers, or have asked for it yourself.",
};

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

static int take_row(const struct store_approval *row, void *userdata)
{
	return rows_add(userdata, json_of_approval(row));
}

void route_approvals_list(struct call *call)
{
	bool pending_only;
	json_t *rows;
	int r;

	if (!query_pending(call, &pending_only))
		return;
	rows = json_array();
	r = store_approvals(call->admin->store, call->user.organization, pending_only, take_row,
			    rows);
	answer_rows(call, &noun, r, rows);
}

static void answer_approval(struct call *call)
{
	json_t *rows = json_array();
	int r = STORE_NOT_FOUND;
	uint8_t id[16];

	_Static_assert(sizeof(id) == DEVICE_ID_BYTES, "one reader for both");
	if (read_device_id(call->words[0], id))
		r = store_approval(call->admin->store, call->user.organization, id, take_row, rows);
	answer_row(call, &noun, 200, r, rows);
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
	if (r == 0)
		answer_approval(call);
	else
		answer_unchanged(call, &noun, r,
				 "It isn't pending any more, or the device has too many waivers.");
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
