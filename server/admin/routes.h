/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The route table of the admin listener. A row that lacks its organization scope, role, audit
 * event or rate class doesn't compile: ROUTE() takes each by name, and none of their values is
 * the default.
 */
#pragma once

#include "server/admin/call.h"

/* Whose data the route touches. */
enum route_scope {
	SCOPE_NO_DATA = 1, /* public files and health */
	SCOPE_BY_KEY,	   /* the enrollment key's, found by core */
	SCOPE_BY_DEVICE,   /* the report token's, found by the store */
	SCOPE_BY_USER,	   /* the API token's: everything is read and changed in it */
};

/* Who may call it. */
enum route_role {
	ROUTE_ROLE_ANYBODY = 1,
	ROUTE_ROLE_DEVICE, /* has a report token; checked by the store */
	ROUTE_ROLE_AUDITOR,
	ROUTE_ROLE_APPROVER,
	ROUTE_ROLE_ADMIN,
	ROUTE_ROLE_OWNER,
};

struct route {
	enum request_method method;
	const char *path; /* "*" stands for one word */
	enum route_scope scope;
	enum route_role role;
	const char *audit; /* the event that it leaves; AUDIT_READS: it changes nothing */
	enum rate_class rate;
	void (*handle)(struct call *call);
};

#define AUDIT_READS "-"

extern const struct route routes[];
extern const size_t routes_count;

/* Finds the row and fills words. 0, 404 or 405. */
int route_find(const struct request *request, const struct route **ret,
	       char words[CALL_WORDS_MAX][CALL_WORD_SIZE]) MUST_CHECK;

/* One noun per file. */
void route_health(struct call *call);
void route_install(struct call *call);
void route_ca(struct call *call);
void route_bootstrap(struct call *call);
void route_enroll(struct call *call);
void route_progress(struct call *call);
void route_evidence(struct call *call);
void route_whoami(struct call *call);
void route_keys_create(struct call *call);
void route_keys_list(struct call *call);
void route_keys_revoke(struct call *call);
void route_keys_compromise(struct call *call);
void route_devices_create(struct call *call);
void route_devices_list(struct call *call);
void route_devices_show(struct call *call);
void route_disable(struct call *call);
void route_enable(struct call *call);
void route_revoke(struct call *call);
void route_destroy(struct call *call);
void route_rotate(struct call *call);
void route_drop_old_keys(struct call *call);
void route_status(struct call *call);
void route_devices_set(struct call *call);
void route_devices_expect(struct call *call);
void route_networks_create(struct call *call);
void route_networks_list(struct call *call);
void route_networks_show(struct call *call);
void route_networks_set(struct call *call);
void route_networks_delete(struct call *call);
void route_allow_once(struct call *call);
void route_waivers_list(struct call *call);
void route_waivers_cancel(struct call *call);
void route_groups_create(struct call *call);
void route_groups_list(struct call *call);
void route_groups_set(struct call *call);
void route_groups_delete(struct call *call);
void route_approvals_list(struct call *call);
void route_approvals_show(struct call *call);
void route_approve(struct call *call);
void route_deny(struct call *call);
void route_defer(struct call *call);
void route_proposals_list(struct call *call);
void route_proposals_show(struct call *call);
void route_proposals_approve(struct call *call);
void route_proposals_deny(struct call *call);
void route_explain(struct call *call);
void route_release(struct call *call);
void route_authorizer_set(struct call *call);
void route_authorizer_show(struct call *call);
void route_authorizer_remove(struct call *call);
void route_authorizer_test(struct call *call);
void route_denials(struct call *call);
void route_audit(struct call *call);

/* Core's answers. */
void route_enroll_answered(struct connection *connection, const struct message_redeemed *answer);
void route_devices_created(struct connection *connection, const struct message_redeemed *answer);
void route_explained(struct connection *connection, const struct message_explained *answer);
void route_authorizer_tested(struct connection *connection, const struct message_consulted *answer);
void route_keys_created(struct connection *connection, const struct message_key_minted *answer);
