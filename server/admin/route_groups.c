/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Approval groups: create, list, change, delete.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/routes.h"
#include "server/admin/rows.h"

#define APPROVERS_MAX 32
#define NAME_MAX_BYTES 127

static const struct noun noun = {
	.list = "approval_groups",
	.missing = "Your organization has no approval group of this name.",
	.subject = SUBJECT_GROUP,
};

static json_t *json_of_group(const struct store_group *group)
{
	return json_pack("{s:s, s:o, s:o, s:I, s:s, s:I, s:I, s:I}", "name", group->name, "tags",
			 json_of_text(group->tags), "approvers", json_of_text(group->approvers),
			 "quorum", (json_int_t)group->quorum, "created_by", group->created_by,
			 "created", (json_int_t)group->created_s, "changed",
			 (json_int_t)group->changed_s, "change_delay_s",
			 (json_int_t)group->change_delay_s);
}

static int take_row(const struct store_group *row, void *userdata)
{
	return rows_add(userdata, json_of_group(row));
}

static void answer_group(struct call *call, int status, const char *name)
{
	json_t *rows = json_array();
	int r = store_group(call->admin->store, call->user.organization, name, take_row, rows);

	answer_row(call, &noun, status, r, rows);
}

/* What the texts of a struct store_new_group point at. */
struct holder {
	struct store_new_group group;
	char tags[1024], approvers[8192];
	const char *tag_texts[TAGS_MAX];
};

/* Tags and names are looked for between quotes in lists: nothing in them may be escaped, or look
 * like the end of an item. */
static int check_plain(const json_t *list, const char *name, const char **ret_texts)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);

		if (!text || !text[0] || strlen(text) > NAME_MAX_BYTES || strpbrk(text, "\",\\"))
			return fail(-EINVAL,
				    "member \"%s\": item %zu must be a text of 1 to %d bytes "
				    "without quote, comma and backslash",
				    name, i, NAME_MAX_BYTES);
		for (size_t j = 0; j < i; j++)
			if (strcmp(json_string_value(json_array_get(list, j)), text) == 0)
				return fail(-EINVAL, "member \"%s\": item %zu comes twice", name,
					    i);
		if (ret_texts)
			ret_texts[i] = text;
	}
	return 0;
}

static int read_group(const json_t *body, struct holder *holder)
{
	struct store_new_group *group = &holder->group;
	const json_t *tags = json_object_get(body, "tags");
	const json_t *approvers = json_object_get(body, "approvers");
	int r;

	group->tags = holder->tags;
	group->tag_texts = holder->tag_texts;
	group->tag_count = json_array_size(tags);
	group->approvers = holder->approvers;
	r = body_tags(body, holder->tags, sizeof(holder->tags));
	if (!r && group->tag_count == 0)
		r = fail(-EINVAL, "member \"tags\" must name at least one");
	if (!r)
		r = check_plain(tags, "tags", holder->tag_texts);
	if (!r)
		r = body_texts(body, "approvers", APPROVERS_MAX, holder->approvers,
			       sizeof(holder->approvers));
	if (!r)
		r = check_plain(approvers, "approvers", NULL);
	if (!r)
		r = body_number(body, "quorum", 1, 1, STORE_QUORUM_MAX, &group->quorum);
	if (!r)
		r = body_number(body, "change_delay_s", 0, 0, STORE_CHANGE_DELAY_MAX_S,
				&group->change_delay_s);
	if (!r && json_array_size(approvers) > 0 && json_array_size(approvers) < group->quorum)
		r = fail(-EINVAL, "member \"quorum\" is more than there are approvers");
	return r;
}

void route_groups_create(struct call *call)
{
	static const char *const names[] = { "name",   "tags",		 "approvers",
					     "quorum", "change_delay_s", NULL };
	struct holder holder = { .group = { .name = NULL } };
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = js_string(call->body, "name", &holder.group.name);
	if (!r && !is_list_name(holder.group.name))
		r = fail(-EINVAL, "member \"name\" must be 1 to 64 letters, digits, '.', '-', '_'");
	if (!r)
		r = read_group(call->body, &holder);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_group_create(call->admin->store, &call->by, &holder.group);
	if (r == 0)
		answer_group(call, 201, holder.group.name);
	else
		answer_unchanged(call, &noun, r,
				 "There is an approval group of this name: change that one.");
}

void route_groups_list(struct call *call)
{
	json_t *rows = json_array();
	int r = store_groups(call->admin->store, call->user.organization, take_row, rows);

	answer_rows(call, &noun, r, rows);
}

void route_groups_set(struct call *call)
{
	static const char *const names[] = { "tags", "approvers", "quorum", "change_delay_s",
					     NULL };
	struct holder holder = { .group = { .name = call->words[0] } };
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = read_group(call->body, &holder);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_group_change(call->admin->store, &call->by, &holder.group);
	if (r == 0)
		answer_group(call, 200, call->words[0]);
	else
		answer_unchanged(call, &noun, r, "");
}

void route_groups_delete(struct call *call)
{
	int r = store_group_delete(call->admin->store, &call->by, call->words[0]);

	answer_deleted(call, &noun, r, "");
}
