/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network lists: create, list, show, change, delete.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/routes.h"

#define DESCRIPTION_MAX 255
#define RANGES_SIZE 2048

static json_t *json_of_network(const struct store_network *network)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:I, s:I}", "name", network->name, "ranges",
			 json_of_text(network->ranges), "description", network->description,
			 "created_by", network->created_by, "created",
			 (json_int_t)network->created_s, "changed", (json_int_t)network->changed_s);
}

static int take_row(const struct store_network *row, void *userdata)
{
	json_t **ret = userdata;

	*ret = json_of_network(row);
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

static void answer_network(struct call *call, int status, const char *name)
{
	json_t *value = NULL;
	int r = store_network(call->admin->store, call->user.organization, name, take_row, &value);

	if (r == 0)
		answer_json(call->connection, status, value);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "not-found",
			       "Your organization has no network list of this name.");
}

/* NULL what isn't there: a change leaves it. */
static int read_members(const json_t *body, char ranges[static RANGES_SIZE],
			const char **ret_ranges, const char **ret_description)
{
	int r = 0;

	if (json_object_get(body, "ranges")) {
		r = body_ranges(body, "ranges", ranges, RANGES_SIZE);
		*ret_ranges = ranges;
	}
	if (!r && json_object_get(body, "description"))
		r = body_text(body, "description", DESCRIPTION_MAX, ret_description);
	return r;
}

static int read_new(const json_t *body, const char **ret_name, char ranges[static RANGES_SIZE],
		    const char **ret_description)
{
	static const char *const names[] = { "name", "ranges", "description", NULL };
	const char *given = NULL;
	int r;

	*ret_description = "";
	r = body_only(body, names);
	if (!r)
		r = js_string(body, "name", ret_name);
	if (!r && !is_list_name(*ret_name))
		r = fail(-EINVAL, "member \"name\" must be 1 to 64 letters, digits, '.', '-', '_'");
	if (!r)
		r = read_members(body, ranges, &given, ret_description);
	if (!r && !given)
		r = fail(-EINVAL, "member \"ranges\" is missing");
	return r;
}

void route_networks_create(struct call *call)
{
	const char *name, *description;
	char ranges[RANGES_SIZE];
	int r;

	if (read_new(call->body, &name, ranges, &description) < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_network_create(call->admin->store, &call->by, name, ranges, description);
	if (r == 0)
		answer_network(call, 201, name);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "conflict",
			       "There is a network list of this name: change that one.");
}

static int append_row(const struct store_network *row, void *userdata)
{
	json_t *list = userdata;

	if (json_array_append_new(list, json_of_network(row)))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void route_networks_list(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	int r = store_networks(call->admin->store, call->user.organization, append_row, list);

	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "network_lists", list));
}

void route_networks_show(struct call *call)
{
	answer_network(call, 200, call->words[0]);
}

void route_networks_set(struct call *call)
{
	static const char *const names[] = { "ranges", "description", NULL };
	const char *given = NULL, *description = NULL;
	char ranges[RANGES_SIZE];
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = read_members(call->body, ranges, &given, &description);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_network_change(call->admin->store, &call->by, call->words[0], given, description);
	if (r < 0)
		answer_failure(call->connection, r);
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, SUBJECT_NETWORK_LIST);
	else /* one that isn't there isn't found again */
		answer_network(call, 200, call->words[0]);
}

void route_networks_delete(struct call *call)
{
	int r = store_network_delete(call->admin->store, &call->by, call->words[0]);

	if (r == 0)
		answer_json(call->connection, 200, json_pack("{s:s}", "name", call->words[0]));
	else if (r < 0)
		answer_failure(call->connection, r);
	else if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict",
			       "A device or an enrollment key names it: change these first.");
	else
		problem_answer(call->connection, "not-found",
			       "Your organization has no network list of this name.");
}
