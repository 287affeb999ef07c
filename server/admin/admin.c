/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See admin.h: from a request to a call (route, rate, token, role, body), and core's answers back
 * to the route that asked.
 */
#include "server/admin/admin.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/admin/routes.h"

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void refuse(struct connection *connection, int status)
{
	problem_answer(connection, problem_of_status(status), "%s", "");
}

static enum store_role role_needed(enum route_role role)
{
	switch (role) {
	case ROUTE_ROLE_ADMIN: return ROLE_ADMIN;
	case ROUTE_ROLE_APPROVER: return ROLE_APPROVER;
	case ROUTE_ROLE_AUDITOR: return ROLE_AUDITOR;
	default: return ROLE_OWNER; /* or not a route for people */
	}
}

/* A person who tries what their role forbids leaves a trace. */
static void note_refused_role(struct call *call)
{
	char source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = { .event = "api-refused", .reason = "role" };
	int r;

	source_print(connection_source(call->connection), source);
	entry.source = source;
	entry.actor = call->user.name;
	entry.detail = call->route->path;
	r = store_audit_note(call->admin->store, call->user.organization, &entry);
	if (r < 0)
		log_failure(r);
}

/* Who calls? False: answered already. */
static bool admit_user(struct call *call)
{
	char token[TOKEN_TEXT_SIZE];
	int r = STORE_NOT_FOUND;

	if (call_bearer(call->request, token)) {
		r = store_token_user(call->admin->store, token, &call->user);
		secret_wipe(token, sizeof(token));
	}
	if (r < 0) {
		answer_failure(call->connection, r);
		return false;
	}
	if (r) {
		problem_answer(call->connection, "token-unknown", "%s", "");
		return false;
	}
	if (call->user.role < role_needed(call->route->role)) {
		note_refused_role(call);
		problem_answer(call->connection, "role", "You are %s; %s is needed.",
			       store_role_name(call->user.role),
			       store_role_name(role_needed(call->route->role)));
		return false;
	}
	memcpy(call->by.organization, call->user.organization, ORGANIZATION_ID_BYTES);
	call->by.actor = call->user.name;
	call->by.source = connection_source(call->connection);
	return true;
}

static bool admit_device(struct call *call)
{
	if (call_bearer(call->request, call->token))
		return true;
	problem_answer(call->connection, "token-unknown", "%s", "");
	return false;
}

static bool admit(struct call *call)
{
	if (!rate_allows(call->admin->rate, call->route->rate, connection_source(call->connection),
			 now_ms())) {
		problem_answer(call->connection, "slow-down", "%s", "");
		return false;
	}
	switch (call->route->role) {
	case ROUTE_ROLE_ANYBODY: return true;
	case ROUTE_ROLE_DEVICE: return admit_device(call);
	default: return admit_user(call);
	}
}

/* POSTs take a JSON object, or nothing at all. */
static bool read_body(struct call *call)
{
	struct http_span body = call->request->body;
	int r;

	if (call->request->method != METHOD_POST)
		return true;
	if (body.len == 0) {
		call->body = json_object();
		return call->body != NULL;
	}
	r = js_parse(body.data, body.len, JSON_TEXT_MAX, &call->body);
	if (r < 0) {
		answer_invalid(call->connection);
		return false;
	}
	if (!json_is_object(call->body)) {
		problem_answer(call->connection, "invalid", "The body must be a JSON object.");
		return false;
	}
	return true;
}

static void handle(struct connection *connection, const struct request *request)
{
	struct call call = { .connection = connection,
			     .admin = connection_context(connection),
			     .request = request };
	int r;

	r = route_find(request, &call.route, call.words);
	if (r) {
		refuse(connection, r);
		return;
	}
	if (admit(&call) && read_body(&call))
		call.route->handle(&call);
	json_decref(call.body);
	secret_wipe(call.token, sizeof(call.token));
}

static void core_answered(struct connection *connection, const union message *message)
{
	bool for_people = connection_kept(connection) != NULL;

	if (message->head.type == MESSAGE_KEY_MINTED)
		route_keys_created(connection, &message->key_minted);
	else if (message->head.type == MESSAGE_EXPLAINED)
		route_explained(connection, &message->explained);
	else if (message->head.type == MESSAGE_CONSULTED)
		route_authorizer_tested(connection, &message->consulted);
	else if (for_people)
		route_devices_created(connection, &message->redeemed);
	else
		route_enroll_answered(connection, &message->redeemed);
}

static const struct edge_service service = {
	.kind = PROCESS_ADMIN,
	.body_max_bytes = JSON_TEXT_MAX,
	.handle = handle,
	.core_answered = core_answered,
	.refuse = refuse,
};

int admin_main(const struct admin_setup *setup)
{
	char chain[CONFIG_PATH_SIZE], key[CONFIG_PATH_SIZE], writer[CONFIG_WRITER_SIZE];
	struct admin admin = { .config = setup->config };
	struct edge_setup edge = {
		.monitor_fd = setup->monitor_fd,
		.core_fd = setup->core_fd,
		.service = &service,
		.context = &admin,
		.chain_path = chain,
		.key_path = key,
	};
	int r;

	config_path(setup->config->dir, CONFIG_FILE_LEAF, chain);
	config_path(setup->config->dir, CONFIG_FILE_LEAF_KEY, key);
	config_writer(setup->config, "admin", writer);
	r = rate_open(&admin.rate);
	if (!r)
		r = assets_load(setup->config, &admin.assets);
	if (!r)
		r = store_open(setup->config->store, writer, &admin.store);
	if (!r) {
		edge.reach = store_reach(admin.store);
		r = edge_main(&edge);
	}
	if (admin.store)
		store_close(admin.store);
	assets_free(&admin.assets);
	rate_close(admin.rate);
	return r;
}
