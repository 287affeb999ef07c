/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See routes.h. The table is the authority for the admin listener; docs/openapi.json follows it.
 */
#include "server/admin/routes.h"

#include <string.h>

/* All arguments are pasted to their prefix or to a literal, so that leaving one out can't
 * compile. */
#define ROUTE(method_, path_, scope_, role_, audit_, rate_, handle_)                               \
	{                                                                                          \
		METHOD_##method_, "" path_, SCOPE_##scope_, ROUTE_ROLE_##role_, &(audit_)[0],      \
			RATE_CLASS_##rate_, route_##handle_                                        \
	}

/* clang-format off */
const struct route routes[] = {
	ROUTE(GET,  "/healthz", NO_DATA, ANYBODY, AUDIT_READS, PUBLIC, health),
	ROUTE(GET,  "/install.sh", NO_DATA, ANYBODY, AUDIT_READS, PUBLIC, install),
	ROUTE(GET,  "/ca.pem", NO_DATA, ANYBODY, AUDIT_READS, PUBLIC, ca),
	ROUTE(GET,  "/bootstrap/*", NO_DATA, ANYBODY, AUDIT_READS, PUBLIC, bootstrap),

	ROUTE(POST, "/v1/enroll", BY_KEY, ANYBODY, "enrolled", ENROLL, enroll),
	ROUTE(POST, "/v1/device/progress", BY_DEVICE, DEVICE, "progress", REPORT, progress),
	ROUTE(POST, "/v1/device/evidence", BY_DEVICE, DEVICE, "evidence", REPORT, evidence),

	ROUTE(GET,  "/v1/whoami", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, whoami),
	ROUTE(POST, "/v1/enrollment-keys", BY_USER, ADMIN, "enrollment-key-created", PEOPLE,
	      keys_create),
	ROUTE(GET,  "/v1/enrollment-keys", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, keys_list),
	ROUTE(POST, "/v1/enrollment-keys/*/revoke", BY_USER, ADMIN, "enrollment-key-revoked",
	      PEOPLE, keys_revoke),
	ROUTE(POST, "/v1/enrollment-keys/*/compromise", BY_USER, ADMIN,
	      "enrollment-key-compromised", PEOPLE, keys_compromise),
	ROUTE(POST, "/v1/devices", BY_USER, ADMIN, "device-created", PEOPLE, devices_create),
	ROUTE(GET,  "/v1/devices", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, devices_list),
	ROUTE(GET,  "/v1/devices/*", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, devices_show),
	ROUTE(POST, "/v1/devices/*/disable", BY_USER, ADMIN, "device-disabled", PEOPLE, disable),
	ROUTE(POST, "/v1/devices/*/enable", BY_USER, ADMIN, "device-enabled", PEOPLE, enable),
	ROUTE(POST, "/v1/devices/*/revoke", BY_USER, ADMIN, "device-revoked", PEOPLE, revoke),
	ROUTE(POST, "/v1/devices/*/destroy", BY_USER, ADMIN, "device-destroyed", PEOPLE, destroy),
	ROUTE(POST, "/v1/devices/*/rotate", BY_USER, ADMIN, "device-keys-rotated", PEOPLE, rotate),
	ROUTE(POST, "/v1/devices/*/drop-old-keys", BY_USER, ADMIN, "device-old-keys-dropped",
	      PEOPLE, drop_old_keys),
	ROUTE(GET,  "/v1/status", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, status),
	ROUTE(POST, "/v1/devices/*/release", BY_USER, ADMIN, "device-released", PEOPLE, release),
	ROUTE(POST, "/v1/devices/*/set", BY_USER, ADMIN, "device-policy-changed", PEOPLE,
	      devices_set),
	ROUTE(POST, "/v1/devices/*/expect-reboot", BY_USER, ADMIN, "reboot-announced", PEOPLE,
	      devices_expect),
	ROUTE(POST, "/v1/network-lists", BY_USER, ADMIN, "network-list-created", PEOPLE,
	      networks_create),
	ROUTE(GET,  "/v1/network-lists", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, networks_list),
	ROUTE(GET,  "/v1/network-lists/*", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, networks_show),
	ROUTE(POST, "/v1/network-lists/*/set", BY_USER, ADMIN, "network-list-changed", PEOPLE,
	      networks_set),
	ROUTE(POST, "/v1/network-lists/*/delete", BY_USER, ADMIN, "network-list-deleted", PEOPLE,
	      networks_delete),
	ROUTE(POST, "/v1/devices/*/allow-once", BY_USER, ADMIN, "allow-once", PEOPLE, allow_once),
	ROUTE(GET,  "/v1/waivers", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, waivers_list),
	ROUTE(POST, "/v1/waivers/*/cancel", BY_USER, ADMIN, "waiver-cancelled", PEOPLE,
	      waivers_cancel),
	ROUTE(POST, "/v1/approval-groups", BY_USER, ADMIN, "approval-group-created", PEOPLE,
	      groups_create),
	ROUTE(GET,  "/v1/approval-groups", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, groups_list),
	ROUTE(POST, "/v1/approval-groups/*/set", BY_USER, ADMIN, "approval-group-changed", PEOPLE,
	      groups_set),
	ROUTE(POST, "/v1/approval-groups/*/delete", BY_USER, ADMIN, "approval-group-deleted",
	      PEOPLE, groups_delete),
	ROUTE(GET,  "/v1/approvals", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, approvals_list),
	ROUTE(GET,  "/v1/approvals/*", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, approvals_show),
	ROUTE(POST, "/v1/approvals/*/approve", BY_USER, APPROVER, "approval-approved", PEOPLE,
	      approve),
	ROUTE(POST, "/v1/approvals/*/deny", BY_USER, APPROVER, "approval-denied", PEOPLE, deny),
	ROUTE(POST, "/v1/approvals/*/defer", BY_USER, APPROVER, "approval-deferred", PEOPLE,
	      defer),
	ROUTE(GET,  "/v1/proposals", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, proposals_list),
	ROUTE(GET,  "/v1/proposals/*", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, proposals_show),
	ROUTE(POST, "/v1/proposals/*/approve", BY_USER, APPROVER, "proposal-agreed", PEOPLE,
	      proposals_approve),
	ROUTE(POST, "/v1/proposals/*/deny", BY_USER, APPROVER, "proposal-denied", PEOPLE,
	      proposals_deny),
	ROUTE(GET,  "/v1/authorizer", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, authorizer_show),
	ROUTE(POST, "/v1/authorizer/set", BY_USER, OWNER, "authorizer-set", PEOPLE, authorizer_set),
	ROUTE(POST, "/v1/authorizer/remove", BY_USER, OWNER, "authorizer-removed", PEOPLE,
	      authorizer_remove),
	ROUTE(POST, "/v1/authorizer/test", BY_USER, ADMIN, "authorizer-tested", PEOPLE,
	      authorizer_test),
	ROUTE(GET,  "/v1/devices/*/explain", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, explain),
	ROUTE(GET,  "/v1/denials", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, denials),
	ROUTE(GET,  "/v1/audit", BY_USER, AUDITOR, AUDIT_READS, PEOPLE, audit),
};
/* clang-format on */

const size_t routes_count = ARRAY_SIZE(routes);

/* Words are of unreserved characters: nothing is ever decoded. */
static bool take_word(struct http_span *path, char ret[CALL_WORD_SIZE])
{
	size_t len = 0;

	while (len < path->len && path->data[len] != '/') {
		char c = path->data[len];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      strchr("-._", c)))
			return false;
		len++;
	}
	if (len == 0 || len >= CALL_WORD_SIZE)
		return false;
	memcpy(ret, path->data, len);
	ret[len] = 0;
	path->data += len;
	path->len -= len;
	return true;
}

static bool matches(const char *pattern, struct http_span path,
		    char words[CALL_WORDS_MAX][CALL_WORD_SIZE])
{
	size_t taken = 0;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			if (!take_word(&path, words[taken++]))
				return false;
		} else {
			if (path.len == 0 || path.data[0] != *pattern)
				return false;
			path.data++;
			path.len--;
		}
	}
	return path.len == 0;
}

int route_find(const struct request *request, const struct route **ret,
	       char words[CALL_WORDS_MAX][CALL_WORD_SIZE])
{
	int status = 404;

	for (size_t i = 0; i < routes_count; i++) {
		if (!matches(routes[i].path, request->path, words))
			continue;
		status = 405;
		if (routes[i].method != request->method)
			continue;
		*ret = &routes[i];
		return 0;
	}
	return status;
}
