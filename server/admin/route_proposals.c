/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proposals: requests that need the agreement of others are kept, listed, voted on, and made again
 * in the name of whoever's vote completes the quorum.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"
#include "server/admin/rows.h"

static const struct noun noun = {
	.list = "proposals",
	.missing = "Your organization has no proposal with this id.",
	.not_approver = "You aren't among those who decide this, or have proposed it.",
};

static json_t *json_of_proposal(const struct store_proposal *proposal)
{
	char id[33];

	text_hex(id, proposal->id, sizeof(proposal->id));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I,"
			 " s:I}",
			 "proposal", id, "subject", proposal->subject, "name", proposal->name,
			 "path", proposal->path, "body", json_of_text(proposal->body), "state",
			 proposal->state, "created_by", proposal->created_by, "decided_by",
			 proposal->decided_by, "created", (json_int_t)proposal->created_s, "until",
			 (json_int_t)proposal->until_s, "decided", (json_int_t)proposal->decided_s,
			 "votes", (json_int_t)proposal->votes, "quorum",
			 (json_int_t)proposal->quorum, "due", (json_int_t)proposal->due_s);
}

static int take_row(const struct store_proposal *row, void *userdata)
{
	return rows_add(userdata, json_of_proposal(row));
}

static void answer_proposal(struct call *call, int status, const uint8_t *id)
{
	json_t *rows = json_array();
	int r = store_proposal(call->admin->store, call->user.organization, id, take_row, rows);

	answer_row(call, &noun, status, r, rows);
}

/* --- keeping a request ------------------------------------------------------------------------ */

static int keep(struct call *call, enum store_subject subject, uint8_t ret_id[static 16])
{
	CLEANUP_FREE char *body = NULL, *path = NULL;
	struct store_new_proposal new = { .subject = subject, .name = call->words[0] };
	int r = js_print(call->body, &body);

	if (!r)
		r = text_format(&path, "%.*s", (int)call->request->path.len,
				call->request->path.data);
	new.body = body;
	new.path = path;
	return r < 0 ? r : store_proposal_make(call->admin->store, &call->by, &new, ret_id);
}

void answer_needs_quorum(struct call *call, enum store_subject subject)
{
	uint8_t id[16];
	int r;

	if (call->by.proposal) {
		problem_answer(call->connection, "conflict",
			       "It isn't pending any more, or more must agree by now.");
		return;
	}
	r = keep(call, subject, id);
	if (r == 0)
		answer_proposal(call, 202, id);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "conflict",
			       "%d proposals wait already: decide some.", STORE_PROPOSALS_MAX);
}

/* --- making it again -------------------------------------------------------------------------- */

struct kept {
	char path[256];
	json_t *body;
};

static int take_kept(const struct store_proposal *row, void *userdata)
{
	struct kept *kept = userdata;

	if (strlen(row->path) >= sizeof(kept->path))
		return fail(-EIO, "the store is damaged: a proposal's path is too long");
	strcpy(kept->path, row->path);
	return js_parse(row->body, strlen(row->body), JSON_TEXT_MAX, &kept->body);
}

static void make_again(struct call *call, const uint8_t *id)
{
	struct kept kept = { .body = NULL };
	struct request request = *call->request;
	struct call again = *call;
	int r = store_proposal(call->admin->store, call->user.organization, id, take_kept, &kept);

	if (r == 0) {
		request.path = (struct http_span){ kept.path, strlen(kept.path) };
		again.request = &request;
		again.body = kept.body;
		again.by.proposal = id;
		r = route_find(&request, &again.route, again.words);
	}
	if (r == 0)
		again.route->handle(&again);
	else
		answer_failure(call->connection, r < 0 ? r : fail(-EIO, "a proposal of no route"));
	json_decref(kept.body);
}

static void vote(struct call *call, bool agrees)
{
	bool is_complete = false;
	uint8_t id[16];
	int r = STORE_NOT_FOUND;

	_Static_assert(sizeof(id) == DEVICE_ID_BYTES, "one reader for both");
	if (read_device_id(call->words[0], id))
		r = store_proposal_vote(call->admin->store, &call->by, id, agrees, &is_complete);
	if (r != 0)
		answer_unchanged(call, &noun, r, "It isn't pending any more.");
	else if (is_complete)
		make_again(call, id);
	else
		answer_proposal(call, 200, id);
}

void route_proposals_approve(struct call *call)
{
	vote(call, true);
}

void route_proposals_deny(struct call *call)
{
	vote(call, false);
}

void route_proposals_show(struct call *call)
{
	uint8_t id[16];

	if (read_device_id(call->words[0], id))
		answer_proposal(call, 200, id);
	else
		problem_answer(call->connection, "not-found", "A proposal's id is 32 hex digits.");
}

void route_proposals_list(struct call *call)
{
	bool pending_only;
	json_t *rows;
	int r;

	if (!query_pending(call, &pending_only))
		return;
	rows = json_array();
	r = store_proposals(call->admin->store, call->user.organization, pending_only, take_row,
			    rows);
	answer_rows(call, &noun, r, rows);
}
