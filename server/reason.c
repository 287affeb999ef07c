/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words for a decision's reason: one table. Names go into the audit and the API and stay for
 * ever; sentences may change.
 */
#include "server/reason.h"

#include <stdio.h>
#include <string.h>

struct reason_row {
	const char *name;
	const char *advice;
	const char *command; /* %D the device, %A the address; NULL: none */
	uint32_t status;     /* 0: 403 */
};

static const struct reason_row rows[REASON_COUNT] = {
	[REASON_ADMISSION] = { "admission",
			       "too many failed requests from this address: see what "
			       "asks there, and wait a minute",
			       NULL, 503 },
	[REASON_MALFORMED] = { "malformed",
			       "no point of the curve was sent: a client that isn't "
			       "Clevis?",
			       NULL, 400 },
	[REASON_UNKNOWN] = { "unknown", "no device or key of this name: check the URL in the LUKS "
					"token, or bind the volume again" },
	[REASON_REVOKED] = { "revoked", "the device was revoked, which is final: open the volume "
					"with its recovery passphrase and enroll it again" },
	[REASON_OUTDATED] = { "outdated",
			      "this server is older than a rule that the organization uses: update "
			      "panocryptd on all nodes",
			      NULL, 503 },
	[REASON_HELD] = { "held", "people have to look at the device first: release it",
			  "panocryptctl device release %D" },
	[REASON_SOURCE] = { "source",
			    "the address isn't one of the device's: add it to the "
			    "device's allowed addresses if the machine has moved",
			    "panocryptctl device set %D --add-from %A" },
	[REASON_RATE] = { "rate", "the device asks too often: see what it does, and wait a minute",
			  NULL, 503 },
	[REASON_DISABLED] = { "disabled", "the device is disabled: enable it",
			      "panocryptctl device enable %D" },
	[REASON_ABSENCE] = { "absence", "the device wasn't seen for too long: allow it once",
			     "panocryptctl device allow-once %D" },
	[REASON_QUARANTINE] = { "quarantine",
				"the server's store was restored from a backup, which may have "
				"forgotten a revocation: approve it, or let an operator run "
				"\"panocryptd quarantine end\"",
				"panocryptctl approval approve %D" },
	[REASON_REFUSED] = { "refused",
			     "people denied this device at this address less than an hour ago: "
			     "allow it once if that was wrong",
			     "panocryptctl device allow-once %D" },
	[REASON_APPROVAL] = { "approval", "the unlock waits for people: approve it",
			      "panocryptctl approval approve %D" },
	[REASON_AUTHORIZER] = { "authorizer",
				"the external authorizer is asked at each unlock; it said no, or "
				"gave "
				"no right answer within 3 seconds (the detail says which): ask who "
				"runs it",
				"panocryptctl authorizer test" },
	[REASON_WAIVER] = { "waiver", "" },
	[REASON_CONVERTING] = { "converting", "" },
	[REASON_POLICY] = { "policy", "" },
};

/* Reasons of refused enrollments: the codes of docs/protocol.md. */
static const struct reason_row enrollment_rows[] = {
	{ "key-unknown", "no such enrollment key, or a wrong secret: check for typing mistakes" },
	{ "key-expired", "the enrollment key has expired: create another" },
	{ "key-used-up", "the enrollment key was used as often as it may: create another" },
	{ "key-full", "as many devices of the enrollment key live as may: revoke some, or create "
		      "another" },
	{ "key-too-fast", "the enrollment key has enrolled as many in the last hour as it may: try "
			  "again later, or create another" },
	{ "key-revoked", "the enrollment key was revoked: create another" },
	{ "source-denied", "the address isn't in the enrollment key's redeem_from: create a key "
			   "that allows it" },
	{ "clone", "another machine has enrolled with this nonce: a cloned disk? Remove the "
		   "bootstrapper's state on it and enroll anew" },
	{ "quarantine", "the server's store was restored from a backup: an operator ends that with "
			"\"panocryptd quarantine end\"" },
	{ "slow-down", "too many wrong enrollment keys from this address: wait" },
};

const char *reason_name(enum reason reason)
{
	return rows[reason].name;
}

uint32_t reason_status(enum reason reason)
{
	return rows[reason].status ? rows[reason].status : 403;
}

static const struct reason_row *find(const struct reason_row *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const char *reason_advice(const char *name)
{
	const struct reason_row *row = find(rows, REASON_COUNT, name);

	if (!row)
		row = find(enrollment_rows, ARRAY_SIZE(enrollment_rows), name);
	return row ? row->advice : "no advice is known for this reason";
}

void reason_command(const char *name, const char *device, const char *source,
		    char ret[static REASON_COMMAND_SIZE])
{
	const struct reason_row *row = find(rows, REASON_COUNT, name);
	size_t used = 0;

	ret[0] = 0;
	if (!row || !row->command)
		return;
	for (const char *c = row->command; *c; c++) {
		const char *piece = *c != '%' ? NULL : *++c == 'D' ? device : source;

		if (piece && !*piece) { /* half a command is none */
			ret[0] = 0;
			return;
		}
		used += (size_t)snprintf(ret + used, REASON_COMMAND_SIZE - used, "%.*s",
					 piece ? 64 : 1, piece ? piece : c);
	}
}
