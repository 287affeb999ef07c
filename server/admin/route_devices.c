/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices: create one for an existing LUKS volume (by core, which alone makes keys), list, show,
 * disable, enable, revoke, release, destroy.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"

static int read_question(const struct call *call, struct message_mint *ret)
{
	static const char *const names[] = { "name", "tags", "allow_from", NULL };
	const char *name;
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = body_text(call->body, "name", sizeof(ret->name) - 1, &name);
	if (!r && !name[0])
		r = fail(-EINVAL, "member \"name\" is missing");
	if (!r)
		r = body_tags(call->body, ret->tags, sizeof(ret->tags));
	if (!r)
		r = body_ranges(call->body, "allow_from", ret->allow_from, sizeof(ret->allow_from));
	if (!r && strcmp(ret->allow_from, "[]") == 0) /* there is no rehearsal to register one */
		r = fail(-EINVAL, "member \"allow_from\" must name at least one address range");
	if (r < 0)
		return r;
	strcpy(ret->name, name);
	memcpy(ret->organization, call->user.organization, sizeof(ret->organization));
	memcpy(ret->actor, call->user.name, sizeof(ret->actor));
	return 0;
}

static void ask_core(struct call *call, union message *question)
{
	struct pending *pending = malloc(sizeof(*pending));

	if (pending) {
		pending->user = call->user;
		connection_keep(call->connection, pending);
	}
	if (!pending || !connection_ask(call->connection, question))
		problem_answer(call->connection, "unavailable", "%s", "");
}

void route_devices_create(struct call *call)
{
	union message question;

	message_start(&question, MESSAGE_MINT, 0, 0);
	if (read_question(call, &question.mint) < 0) {
		answer_invalid(call->connection);
		return;
	}
	ask_core(call, &question);
}

struct taking {
	const struct admin *admin;
	json_t *value;		  /* take_row: the row; append_row: the list */
	uint64_t absent_within_s; /* append_row: only those that are absent by then; 0: all */
};

static int take_row(const struct store_device *row, void *userdata)
{
	struct taking *taking = userdata;

	taking->value = json_of_device(taking->admin, row);
	return taking->value ? 0 : fail(-ENOMEM, "out of memory");
}

static int append_row(const struct store_device *row, void *userdata)
{
	struct taking *taking = userdata;

	if (taking->absent_within_s &&
	    (row->absent_s == 0 ||
	     row->absent_s - MIN(row->absent_s, row->now_s) > taking->absent_within_s))
		return 0;
	if (json_array_append_new(taking->value, json_of_device(taking->admin, row)))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

static int load_device(const struct admin *admin, const uint8_t organization[static 16],
		       const uint8_t id[static DEVICE_ID_BYTES], json_t **ret)
{
	struct taking taking = { .admin = admin };
	int r;

	r = store_device(admin->store, organization, id, take_row, &taking);
	if (r) {
		json_decref(taking.value);
		return r;
	}
	*ret = taking.value;
	return 0;
}

static int add_bind_command(json_t *device)
{
	CLEANUP_FREE char *command = NULL;
	const char *url, *thumbprint;
	int r;

	r = js_string(device, "url", &url);
	if (!r)
		r = js_string(device, "thumbprint", &thumbprint);
	if (!r)
		r = text_format(&command,
				"clevis luks bind -d DEVICE tang '{\"url\":\"%s\",\"thp\":\"%s\"}'",
				url, thumbprint);
	if (!r && json_object_set_new(device, "bind_command", json_string(command)))
		r = fail(-ENOMEM, "out of memory");
	return r;
}

void route_devices_created(struct connection *connection, const struct message_redeemed *answer)
{
	const struct admin *admin = connection_context(connection);
	const struct pending *pending = connection_kept(connection);
	json_t *device = NULL;
	int r;

	if (answer->status != 201 && answer->status != 200) {
		problem_answer(connection,
			       problem_is_known(answer->code)
				       ? answer->code
				       : problem_of_status((int)answer->status),
			       "%s", "");
		return;
	}
	r = load_device(admin, pending->user.organization, answer->device, &device);
	if (r > 0)
		r = fail(-EIO, "the new device is missing");
	if (!r && answer->status == 201)
		r = add_bind_command(device);
	if (r == 0) {
		answer_json(connection, (int)answer->status, device);
		return;
	}
	json_decref(device);
	answer_failure(connection, r);
}

void route_devices_list(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	struct taking taking = { call->admin, list, 0 };
	int r;

	r = query_number(call, "absent_within_s", 0, &taking.absent_within_s);
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_devices(call->admin->store, call->user.organization, append_row, &taking);
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "devices", list));
}

static void answer_device(struct call *call, const uint8_t id[static DEVICE_ID_BYTES])
{
	json_t *device = NULL;
	int r;

	r = load_device(call->admin, call->user.organization, id, &device);
	if (r == 0)
		answer_json(call->connection, 200, device);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "not-found",
			       "Your organization has no device with this id.");
}

void route_devices_show(struct call *call)
{
	uint8_t id[DEVICE_ID_BYTES];

	if (!read_device_id(call->words[0], id))
		problem_answer(call->connection, "not-found", "A device's id is 32 hex digits.");
	else
		answer_device(call, id);
}

static void change(struct call *call, enum store_device_change what, const char *word)
{
	uint8_t id[DEVICE_ID_BYTES];
	int r = STORE_NOT_FOUND;

	if (read_device_id(call->words[0], id))
		r = store_device_change(call->admin->store, &call->by, id, what);
	if (r == STORE_CONFLICT)
		problem_answer(call->connection, "conflict",
			       "The device's state doesn't allow to %s it.", word);
	else if (r == STORE_NOT_FOUND)
		problem_answer(call->connection, "not-found",
			       "Your organization has no device with this id.");
	else if (r == STORE_NEEDS_QUORUM)
		answer_needs_quorum(call, SUBJECT_DEVICE);
	else if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_device(call, id);
}

void route_disable(struct call *call)
{
	change(call, DEVICE_DISABLE, "disable");
}

void route_enable(struct call *call)
{
	change(call, DEVICE_ENABLE, "enable");
}

void route_revoke(struct call *call)
{
	change(call, DEVICE_REVOKE, "revoke");
}

void route_destroy(struct call *call)
{
	change(call, DEVICE_DESTROY, "destroy");
}

void route_drop_old_keys(struct call *call)
{
	change(call, DEVICE_DROP_OLD_KEYS, "drop old keys of");
}

void route_rotate(struct call *call)
{
	union message question;
	struct message_rotate *rotate = &question.rotate;

	message_start(&question, MESSAGE_ROTATE, 0, 0);
	if (!read_device_id(call->words[0], rotate->device)) {
		problem_answer(call->connection, "not-found", "A device's id is 32 hex digits.");
		return;
	}
	memcpy(rotate->organization, call->user.organization, sizeof(rotate->organization));
	memcpy(rotate->actor, call->user.name, sizeof(rotate->actor));
	ask_core(call, &question);
}

void route_release(struct call *call)
{
	change(call, DEVICE_RELEASE, "release");
}
