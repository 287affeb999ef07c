/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment keys: create (by core, which alone can hash them), list, revoke, compromise.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/enrollment_key.h"
#include "common/err.h"
#include "common/secret.h"
#include "server/admin/routes.h"

#define USES_MOST 1000000
#define EXPIRES_DEFAULT_S (24 * 3600)
#define EXPIRES_MOST_S (90ULL * 24 * 3600)
#define WORD_MAX 64
#define ABSENCE_MOST_S (10ULL * 366 * 24 * 3600)
#define ABSENCE_EPHEMERAL_S (24 * 3600)

static int read_limits(const json_t *body, struct message_mint_key *ret)
{
	int r;

	r = js_u64_or(body, "max_uses", 1, &ret->max_uses);
	if (!r)
		r = js_u64_or(body, "expires_in_s", EXPIRES_DEFAULT_S, &ret->expires_in_s);
	if (!r)
		r = body_number(body, "rate_per_hour", 0, 0, USES_MOST, &ret->rate_per_hour);
	if (!r)
		r = body_number(body, "live_max", 0, 0, USES_MOST, &ret->live_max);
	if (r < 0)
		return r;
	if (ret->max_uses < 1 || ret->max_uses > USES_MOST)
		return fail(-EINVAL, "member \"max_uses\" must be 1 to %d", USES_MOST);
	if (ret->expires_in_s < 1 || ret->expires_in_s > EXPIRES_MOST_S)
		return fail(-EINVAL, "member \"expires_in_s\" must be 1 to %llu (90 days)",
			    EXPIRES_MOST_S);
	return 0;
}

/* What its devices begin with, besides tags and addresses. An ephemeral one isn't away for long. */
static int read_defaults(const json_t *body, struct message_mint_key *ret)
{
	const char *approval = "none", *environment = "", *workload = "";
	bool hold = false, ephemeral = false;
	int r;

	r = body_list_names(body, ret->networks, sizeof(ret->networks));
	if (!r)
		r = body_approval(body, &approval);
	if (!r)
		r = body_text(body, "environment", WORD_MAX, &environment);
	if (!r)
		r = body_text(body, "workload", WORD_MAX, &workload);
	if (!r)
		r = js_bool_or(body, "hold", false, &hold);
	if (!r)
		r = js_bool_or(body, "ephemeral", false, &ephemeral);
	if (!r)
		r = body_number(body, "absence_s", ephemeral ? ABSENCE_EPHEMERAL_S : 0, 0,
				ABSENCE_MOST_S, &ret->absence_s);
	if (r < 0)
		return r;
	snprintf(ret->approval, sizeof(ret->approval), "%s", approval);
	snprintf(ret->environment, sizeof(ret->environment), "%s", environment);
	snprintf(ret->workload, sizeof(ret->workload), "%s", workload);
	ret->hold = hold;
	ret->ephemeral = ephemeral;
	return 0;
}

static int read_question(const struct call *call, struct message_mint_key *ret)
{
	static const char *const names[] = {
		"description", "tags",	       "allow_from",	"redeem_from",
		"max_uses",    "expires_in_s", "network_lists", "approval",
		"environment", "workload",     "hold",		"ephemeral",
		"absence_s",   "live_max",     "rate_per_hour", NULL
	};
	const char *description;
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = body_text(call->body, "description", sizeof(ret->description) - 1,
			      &description);
	if (!r)
		r = body_tags(call->body, ret->tags, sizeof(ret->tags));
	if (!r)
		r = body_ranges(call->body, "allow_from", ret->allow_from, sizeof(ret->allow_from));
	if (!r)
		r = body_ranges(call->body, "redeem_from", ret->redeem_from,
				sizeof(ret->redeem_from));
	if (!r)
		r = read_limits(call->body, ret);
	if (!r)
		r = read_defaults(call->body, ret);
	if (r < 0)
		return r;
	strcpy(ret->description, description);
	memcpy(ret->organization, call->user.organization, sizeof(ret->organization));
	memcpy(ret->actor, call->user.name, sizeof(ret->actor));
	return 0;
}

void route_keys_create(struct call *call)
{
	struct pending *pending;
	union message question;

	message_start(&question, MESSAGE_MINT_KEY, 0, 0);
	if (read_question(call, &question.mint_key) < 0) {
		answer_invalid(call->connection);
		return;
	}
	pending = malloc(sizeof(*pending));
	if (pending) {
		pending->user = call->user;
		connection_keep(call->connection, pending);
	}
	if (!pending || !connection_ask(call->connection, &question))
		problem_answer(call->connection, "unavailable", "%s", "");
}

static int take_row(const struct store_enrollment_key *row, void *userdata)
{
	json_t **ret = userdata;

	*ret = json_of_enrollment_key(row);
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void route_keys_created(struct connection *connection, const struct message_key_minted *answer)
{
	const struct admin *admin = connection_context(connection);
	const struct pending *pending = connection_kept(connection);
	char text[ENROLLMENT_KEY_TEXT_SIZE], id[ENROLLMENT_ID_SIZE] = "";
	struct enrollment_key key;
	json_t *row = NULL;
	int r;

	if (answer->status != 201) {
		problem_answer(connection,
			       problem_is_known(answer->code)
				       ? answer->code
				       : problem_of_status((int)answer->status),
			       "%s", "");
		return;
	}
	memcpy(key.chars, answer->key, sizeof(key.chars));
	memcpy(id, answer->key, ENROLLMENT_KEY_ID_CHARS);
	enrollment_key_print(&key, text);
	r = store_enrollment_key(admin->store, pending->user.organization, id, take_row, &row);
	if (r) {
		answer_failure(connection,
			       r < 0 ? r : fail(-EIO, "the new enrollment key is missing"));
		json_decref(row);
	} else {
		json_object_set_new(row, "key", json_string(text));
		answer_json(connection, 201, row);
	}
	secret_wipe(&key, sizeof(key));
	secret_wipe(text, sizeof(text));
}

static int append_row(const struct store_enrollment_key *row, void *userdata)
{
	json_t *list = userdata;

	if (json_array_append_new(list, json_of_enrollment_key(row)))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void route_keys_list(struct call *call)
{
	CLEANUP_JSON json_t *list = json_array();
	int r;

	r = store_enrollment_keys(call->admin->store, call->user.organization, append_row, list);
	if (r < 0)
		answer_failure(call->connection, r);
	else
		answer_json(call->connection, 200, json_pack("{s:O}", "enrollment_keys", list));
}

static void answer_trouble(struct call *call, int r)
{
	if (r < 0)
		answer_failure(call->connection, r);
	else
		problem_answer(call->connection, "not-found",
			       "Your organization has no enrollment key with this id.");
}

void route_keys_revoke(struct call *call)
{
	struct store *store = call->admin->store;
	const char *id = call->words[0];
	json_t *row = NULL;
	int r;

	r = store_enrollment_key_revoke(store, &call->by, id);
	if (!r)
		r = store_enrollment_key(store, call->user.organization, id, take_row, &row);
	if (r == 0) {
		answer_json(call->connection, 200, row);
		return;
	}
	json_decref(row);
	answer_trouble(call, r);
}

void route_keys_compromise(struct call *call)
{
	static const char *const names[] = { "since", NULL };
	struct store *store = call->admin->store;
	uint64_t since_s = 0, held = 0;
	json_t *row = NULL;
	int r;

	r = body_only(call->body, names);
	if (!r)
		r = js_u64_or(call->body, "since", 0, &since_s);
	if (!r && since_s > INT64_MAX)
		r = fail(-EINVAL, "member \"since\" must be a time, in seconds since the epoch");
	if (r < 0) {
		answer_invalid(call->connection);
		return;
	}
	r = store_enrollment_key_compromise(store, &call->by, call->words[0], since_s, &held);
	if (!r)
		r = store_enrollment_key(store, call->user.organization, call->words[0], take_row,
					 &row);
	if (r == 0) {
		answer_json(
			call->connection, 200,
			json_pack("{s:o, s:I}", "enrollment_key", row, "held", (json_int_t)held));
		return;
	}
	json_decref(row);
	answer_trouble(call, r);
}
