/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words for a decision's reason: one table. Names go into the audit and the API and stay for
 * ever; sentences may change.
 */
#include "server/reason.h"

#include <string.h>

struct reason_row {
	const char *name;
	const char *advice;
};

static const struct reason_row rows[REASON_COUNT] = {
	[REASON_UNKNOWN] = { "unknown", "no device or key of this name: check the URL in the LUKS "
					"token, or bind the volume again" },
	[REASON_REVOKED] = { "revoked", "the device was revoked, which is final: open the volume "
					"with its recovery passphrase and enroll it again" },
	[REASON_SOURCE] = { "source", "the address isn't one of the device's: add it to the "
				      "device's allowed addresses if the machine has moved" },
	[REASON_DISABLED] = { "disabled", "the device is disabled: enable it" },
	[REASON_ABSENCE] = { "absence", "the device wasn't seen for too long: approve it" },
	[REASON_QUARANTINE] = { "quarantine",
				"the server's store was restored from a backup, which may have "
				"forgotten a revocation: an operator ends that with "
				"\"panocryptd quarantine end\"" },
	[REASON_APPROVAL] = { "approval", "the unlock waits for people: approve it" },
	[REASON_RATE] = { "rate", "too many requests: wait" },
	[REASON_CONVERTING] = { "converting", "" },
	[REASON_POLICY] = { "policy", "" },
};

/* Reasons of refused enrollments: the codes of docs/protocol.md. */
static const struct reason_row enrollment_rows[] = {
	{ "key-unknown", "no such enrollment key, or a wrong secret: check for typing mistakes" },
	{ "key-expired", "the enrollment key has expired: create another" },
	{ "key-used-up", "the enrollment key was used as often as it may: create another" },
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

const char *reason_advice(const char *name)
{
	for (size_t i = 0; i < REASON_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].advice;
	for (size_t i = 0; i < ARRAY_SIZE(enrollment_rows); i++)
		if (strcmp(enrollment_rows[i].name, name) == 0)
			return enrollment_rows[i].advice;
	return "no advice is known for this reason";
}
