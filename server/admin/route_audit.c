/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who am I, what was denied and why, what happened: reading only.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"
#include "server/reason.h"

#define LIMIT_DEFAULT 100

void route_whoami(struct call *call)
{
	answer_json(call->connection, 200,
		    json_pack("{s:s, s:s, s:s}", "user", call->user.name, "role",
			      store_role_name(call->user.role), "organization",
			      call->user.organization_name));
}

/* A number of the query; the fallback when it isn't there. */
int query_number(const struct call *call, const char *name, uint64_t fallback, uint64_t *ret)
{
	char text[32];

	if (!http_query_value(call->request->query, name, text, sizeof(text))) {
		*ret = fallback;
		return 0;
	}
	if (text_u64(text, ret) < 0)
		return fail(-EINVAL, "query \"%s\" must be a number", name);
	return 0;
}

static int query_limit(const struct call *call, size_t *ret)
{
	uint64_t limit;
	int r;

	r = query_number(call, "limit", LIMIT_DEFAULT, &limit);
	if (r < 0)
		return r;
	if (limit < 1 || limit > STORE_LIST_MAX)
		return fail(-EINVAL, "query \"limit\" must be 1 to %d", STORE_LIST_MAX);
	*ret = limit;
	return 0;
}

struct denial_query {
	struct source_address from;
	uint8_t device[DEVICE_ID_BYTES];
	bool has_from, has_device;
	size_t limit;
};

static int read_denial_query(const struct call *call, struct denial_query *ret)
{
	char text[64];
	int r;

	r = query_limit(call, &ret->limit);
	if (r < 0)
		return r;
	ret->has_from = http_query_value(call->request->query, "from", text, sizeof(text));
	if (ret->has_from) {
		r = source_parse(text, &ret->from);
		if (r < 0)
			return fail_at(-EINVAL, "query \"from\"");
	}
	ret->has_device = http_query_value(call->request->query, "device", text, sizeof(text));
	if (ret->has_device && !read_device_id(text, ret->device))
		return fail(-EINVAL, "query \"device\" must be 32 hex digits");
	return 0;
}

static int append_denial(const struct store_event *row, void *userdata)
{
	json_t *list = userdata;
	char command[REASON_COMMAND_SIZE];
	json_t *value;

	reason_command(row->reason, row->device, row->source, command);
	value = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "time",
			  (json_int_t)row->time_s, "event", row->event, "device", row->device,
			  "source", row->source, "reason", row->reason, "advice",
			  reason_advice(row->reason), "command", command, "count",
			  (json_int_t)row->count);

	if (json_array_append_new(list, value))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void route_denials(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	struct denial_query query;
	int r;

	if (read_denial_query(call, &query) < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_denials(call->admin->store, call->user.organization,
			  query.has_from ? &query.from : NULL,
			  query.has_device ? query.device : NULL, query.limit, append_denial, list);
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "denials", list));
}

static int append_event(const struct store_event *row, void *userdata)
{
	json_t *list = userdata;
	json_t *value = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "seq",
				  (json_int_t)row->seq, "time", (json_int_t)row->time_s, "writer",
				  row->writer, "event", row->event, "device", row->device, "source",
				  row->source, "reason", row->reason, "actor", row->actor, "detail",
				  row->detail, "count", (json_int_t)row->count);

	if (json_array_append_new(list, value))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void route_audit(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	uint64_t after;
	size_t limit;
	int r;

	r = query_limit(call, &limit);
	if (!r)
		r = query_number(call, "after", 0, &after);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_audit(call->admin->store, call->user.organization, after, limit, append_event,
			list);
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "events", list));
}
