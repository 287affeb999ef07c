/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Denials on their way into the audit. The first of (organization, device, source, reason) is a row
 * at once; what repeats within the minute becomes one counted row. Denials that belong to no
 * organization (unknown device ids, unknown enrollment keys) are only counted. Memory and rows are
 * bounded, so that nobody fills the disk by asking.
 */
#pragma once

#include "server/store/store_core.h"

#define AUDIT_FOLD_S 60

struct audit;

struct audit_denial {
	const char *event;	     /* "unlock-denied", "enroll-denied": constants */
	const char *reason;	     /* constant */
	const uint8_t *organization; /* store_system: only counted */
	const uint8_t *device;	     /* NULL: none */
	const struct source_address *source;
	const char *detail; /* short: an enrollment key's id, why an authorizer denies, or "" */
};

int audit_open(struct audit **ret) MUST_CHECK;
void audit_close(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_close);

/* Inside a transaction: notes one denial, as a row or in memory. */
int audit_denied(struct audit *audit, struct store *store,
		 const struct audit_denial *denial) MUST_CHECK;

/* Inside a transaction, once every AUDIT_FOLD_S: rows for what was counted. */
int audit_flush(struct audit *audit, struct store *store) MUST_CHECK;

/* Is there something that audit_flush() would write or forget? */
bool audit_pending(const struct audit *audit);

/* After the transaction: it was committed, or it wasn't (then its rows are due again). */
void audit_settle(struct audit *audit, bool is_committed);
