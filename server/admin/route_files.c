/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Health, and the public files: the installer, the bootstrappers with their checksums, the CA.
 */
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "server/admin/routes.h"

void route_health(struct call *call)
{
	static const struct answer ok = {
		.status = 200, .content_type = "text/plain", .body = "ok\n", .len = 3
	};
	int r = store_check(call->admin->store);

	if (r < 0)
		log_failure(r);
	if (r == 0 && connection_core_is_healthy(call->connection))
		connection_answer(call->connection, &ok);
	else
		problem_answer(call->connection, "unavailable",
			       "Unlocks can't be decided and audited now: see the server's log.");
}

static void answer_asset(struct call *call, const char *name, const char *type)
{
	const struct asset *asset = assets_find(&call->admin->assets, name);
	struct answer answer = { .status = 200, .content_type = type };
	char checksum[128];

	if (!asset) {
		problem_answer(call->connection, "not-found",
			       "This server has no %s to hand out: put it into its assets folder.",
			       name);
		return;
	}
	snprintf(checksum, sizeof(checksum), "X-Checksum-SHA256: %s\r\n", asset->sha256_hex);
	answer.extra = checksum;
	answer.body = asset->data;
	answer.len = asset->len;
	connection_answer(call->connection, &answer);
}

void route_install(struct call *call)
{
	answer_asset(call, "install.sh", "text/x-shellscript");
}

void route_ca(struct call *call)
{
	answer_asset(call, "ca.pem", "application/x-pem-file");
}

/* "<sum>  bootstrap-<arch>" as sha256sum -c reads it. */
static void answer_checksum(struct call *call, const char *name)
{
	const struct asset *asset = assets_find(&call->admin->assets, name);
	struct answer answer = { .status = 200, .content_type = "text/plain" };
	char line[160];

	if (!asset) {
		problem_answer(call->connection, "not-found", "This server has no %s.", name);
		return;
	}
	snprintf(line, sizeof(line), "%s  %s\n", asset->sha256_hex, asset->name);
	answer.body = line;
	answer.len = strlen(line);
	connection_answer(call->connection, &answer);
}

void route_bootstrap(struct call *call)
{
	static const char suffix[] = ".sha256";
	char name[CALL_WORD_SIZE + 16];
	size_t len;

	len = (size_t)snprintf(name, sizeof(name), "bootstrap-%s", call->words[0]);
	if (len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0) {
		name[len - strlen(suffix)] = 0;
		answer_checksum(call, name);
		return;
	}
	answer_asset(call, name, "application/octet-stream");
}
