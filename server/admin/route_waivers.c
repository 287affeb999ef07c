/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waivers: allow a device once, list what was allowed, take it back.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"
#include "server/admin/rows.h"

#define BOOTS_MOST 100
#define REPLIES_MOST 64
#define WINDOW_LEAST_S 10
#define WINDOW_MOST_S 3600
#define EXPIRES_DEFAULT_S (24 * 3600)
#define EXPIRES_MOST_S (30ULL * 24 * 3600)
#define COMMENT_MAX 255

static const struct noun noun = {
	.list = "waivers",
	.missing = "Your organization has no waiver with this id.",
};

static json_t *json_of_waives(unsigned waives)
{
	json_t *list = json_array();

	for (unsigned bit = 1; list && bit <= WAIVES_ALL; bit <<= 1)
		if (waives & bit)
			json_array_append_new(list, json_string(waived_name(bit)));
	return list;
}

static json_t *json_of_waiver(const struct store_waiver *waiver)
{
	char id[2 * WAIVER_ID_BYTES + 1], device[2 * DEVICE_ID_BYTES + 1];

	text_hex(id, waiver->id, WAIVER_ID_BYTES);
	text_hex(device, waiver->device, DEVICE_ID_BYTES);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I,"
			 " s:I}",
			 "waiver", id, "device", device, "kind", waiver->kind, "state",
			 waiver->state, "waives", json_of_waives(waiver->waives), "from",
			 waiver->source, "boots", (json_int_t)waiver->boots, "boots_left",
			 (json_int_t)waiver->boots_left, "replies_per_boot",
			 (json_int_t)waiver->replies_per_boot, "window_s",
			 (json_int_t)waiver->window_s, "replies", (json_int_t)waiver->replies,
			 "comment", waiver->comment, "created_by", waiver->created_by, "created",
			 (json_int_t)waiver->created_s, "expires", (json_int_t)waiver->expires_s);
}

static int read_waives(const json_t *body, unsigned *ret)
{
	const json_t *list = json_object_get(body, "waives"), *item;
	unsigned waives = 0;
	bool any_address;
	size_t i;
	int r;

	r = js_bool_or(body, "any_address", false, &any_address);
	if (r < 0)
		return r;
	if (list && !json_is_null(list) && !json_is_array(list))
		return fail(-EINVAL, "member \"waives\" must be an array");
	json_array_foreach (list, i, item) {
		const char *name = json_string_value(item);
		unsigned bit = name ? waived_of(name) : 0;

		/* The source is waived by saying so in words of its own. */
		if (!(bit & WAIVES_POLICY))
			return fail(-EINVAL,
				    "member \"waives\": item %zu must be disabled, "
				    "absence, quarantine or approval",
				    i);
		waives |= bit;
	}
	if (!json_is_array(list))
		waives = WAIVES_POLICY;
	if (any_address)
		waives |= WAIVES_SOURCE;
	if (!waives)
		return fail(-EINVAL, "member \"waives\" names nothing");
	*ret = waives;
	return 0;
}

static int read_from(const json_t *body, struct source_address *to, struct store_new_waiver *ret)
{
	const char *text;
	int r = js_string_or(body, "from", "", &text);

	if (r < 0 || !*text)
		return r;
	if (source_parse(text, to) < 0)
		return fail_at(-EINVAL, "member \"from\"");
	ret->source = to;
	return 0;
}

static int read_waiver(const json_t *body, struct source_address *from,
		       struct store_new_waiver *ret)
{
	static const char *const names[] = { "boots",	     "replies", "window_s",
					     "expires_in_s", "waives",	"any_address",
					     "from",	     "comment", NULL };
	int r;

	r = body_only(body, names);
	if (!r)
		r = body_number(body, "boots", 1, 1, BOOTS_MOST, &ret->boots);
	if (!r)
		r = body_number(body, "replies", WAIVER_REPLIES, 1, REPLIES_MOST,
				&ret->replies_per_boot);
	if (!r)
		r = body_number(body, "window_s", WAIVER_WINDOW_S, WINDOW_LEAST_S, WINDOW_MOST_S,
				&ret->window_s);
	if (!r)
		r = body_number(body, "expires_in_s", EXPIRES_DEFAULT_S, 1, EXPIRES_MOST_S,
				&ret->expires_in_s);
	if (!r)
		r = read_waives(body, &ret->waives);
	if (!r)
		r = read_from(body, from, ret);
	return r < 0 ? r : body_text(body, "comment", COMMENT_MAX, &ret->comment);
}

static int take_row(const struct store_waiver *row, void *userdata)
{
	return rows_add(userdata, json_of_waiver(row));
}

static void answer_waiver(struct call *call, int status, const uint8_t *id)
{
	json_t *rows = json_array();
	int r = store_waiver(call->admin->store, call->user.organization, id, take_row, rows);

	answer_row(call, &noun, status, r, rows);
}

void route_allow_once(struct call *call)
{
	uint8_t device[DEVICE_ID_BYTES], id[WAIVER_ID_BYTES];
	struct store_new_waiver waiver = { .source = NULL };
	struct source_address from;
	int r = STORE_NOT_FOUND;

	if (read_waiver(call->body, &from, &waiver) < 0) {
		answer_invalid(call->connection);
		return;
	}
	if (read_device_id(call->words[0], device))
		r = store_allow_once(call->admin->store, &call->by, device, &waiver, id);
	if (r == 0)
		answer_waiver(call, 201, id);
	else if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict",
			       "The device is revoked, or has %d live waivers: cancel some.",
			       STORE_WAIVERS_MAX);
	else if (r == STORE_NOT_FOUND)
		problem_answer(call->connection, "not-found",
			       "Your organization has no device with this id.");
	else
		answer_failure(call->connection, r);
}

void route_waivers_list(struct call *call)
{
	uint8_t device[DEVICE_ID_BYTES];
	json_t *rows;
	char text[64];
	bool has_device = http_query_value(call->request->query, "device", text, sizeof(text));
	int r;

	if (has_device && !read_device_id(text, device)) {
		problem_answer(call->connection, "invalid",
			       "query \"device\" must be 32 hex digits");
		return;
	}
	rows = json_array();
	r = store_waivers(call->admin->store, call->user.organization, has_device ? device : NULL,
			  take_row, rows);
	answer_rows(call, &noun, r, rows);
}

void route_waivers_cancel(struct call *call)
{
	uint8_t id[WAIVER_ID_BYTES];
	int r = STORE_NOT_FOUND;

	_Static_assert(WAIVER_ID_BYTES == DEVICE_ID_BYTES, "one reader for both");
	if (read_device_id(call->words[0], id))
		r = store_waiver_cancel(call->admin->store, &call->by, id);
	if (r == 0)
		answer_waiver(call, 200, id);
	else
		answer_unchanged(call, &noun, r, "");
}
