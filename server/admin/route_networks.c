/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network lists: create, list, show, change, delete.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/routes.h"
#include "server/admin/rows.h"

#define DESCRIPTION_MAX 255
#define RANGES_SIZE 2048

static const struct noun noun = {
	.list = "network_lists",
	.missing = "Your organization has no network list of this name.",
	.subject = SUBJECT_NETWORK_LIST,
};

static json_t *json_of_network(const struct store_network *network)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:I, s:I}", "name", network->name, "ranges",
			 json_of_text(network->ranges), "description", network->description,
			 "created_by", network->created_by, "created",
			 (json_int_t)network->created_s, "changed", (json_int_t)network->changed_s);
}

static int take_row(const struct store_network *row, void *userdata)
{
	return rows_add(userdata, json_of_network(row));
}

static void answer_network(struct call *call, int status, const char *name)
{
	json_t *rows = json_array();
	int r = store_network(call->admin->store, call->user.organization, name, take_row, rows);

	answer_row(call, &noun, status, r, rows);
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
	else
		answer_unchanged(call, &noun, r,
				 "There is a network list of this name: change that one.");
}

void route_networks_list(struct call *call)
{
	json_t *rows = json_array();
	int r = store_networks(call->admin->store, call->user.organization, take_row, rows);

	answer_rows(call, &noun, r, rows);
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
	if (r == 0)
		answer_network(call, 200, call->words[0]);
	else
		answer_unchanged(call, &noun, r, "");
}

void route_networks_delete(struct call *call)
{
	int r = store_network_delete(call->admin->store, &call->by, call->words[0]);

	answer_deleted(call, &noun, r,
		       "A device or an enrollment key names it: change these first.");
}
