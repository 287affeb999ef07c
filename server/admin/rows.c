/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See rows.h.
 */
#include "server/admin/rows.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"

int rows_add(void *rows, json_t *row)
{
	return json_array_append_new(rows, row) ? fail(-ENOMEM, "out of memory") : 0;
}

void answer_row(struct call *call, const struct noun *noun, int status, int r, json_t *rows)
{
	CLEANUP_JSON json_t *owned = rows;

	if (r == 0)
		answer_json(call->connection, status, json_incref(json_array_get(owned, 0)));
	else
		answer_unchanged(call, noun, r, "");
}

void answer_rows(struct call *call, const struct noun *noun, int r, json_t *rows)
{
	CLEANUP_JSON json_t *owned = rows;

	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", noun->list, owned));
}

void answer_unchanged(struct call *call, const struct noun *noun, int r, const char *conflict)
{
	struct connection *connection = call->connection;

	if (r < 0)
		answer_failure(connection, r);
	else if (r == STORE_CONFLICT)
		problem_answer(connection, "conflict", "%s", conflict);
	else if (r == STORE_NOT_APPROVER)
		problem_answer(connection, "approver", "%s", noun->not_approver);
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, noun->subject);
	else
		problem_answer(connection, "not-found", "%s", noun->missing);
}

void answer_deleted(struct call *call, const struct noun *noun, int r, const char *conflict)
{
	if (r == 0)
		answer_json(call->connection, 200, json_pack("{s:s}", "name", call->words[0]));
	else
		answer_unchanged(call, noun, r, conflict);
}

bool query_pending(struct call *call, bool *ret)
{
	char state[16] = "pending";

	(void)http_query_value(call->request->query, "state", state, sizeof(state));
	*ret = strcmp(state, "pending") == 0;
	if (*ret || strcmp(state, "all") == 0)
		return true;
	problem_answer(call->connection, "invalid", "query \"state\" must be pending or all");
	return false;
}
