/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `verify` wants to know before nothing of ours is left: is there a recovery passphrase in
 * somebody's hands that opens the disk? Reads both headers; writes a generated passphrase to its
 * file and takes its sealed copy out of the disk's header.
 */
#pragma once

#include "bootstrap/luks.h"

struct recovery_proof {
	struct luks_where where; /* the disk */
	const char *luks_uuid;
	const char *copy;     /* the header copy with the slot as `header` has proven it */
	int slot;	      /* of the passphrase, in both */
	bool is_generated;    /* by us, and sealed in the header */
	const char *output;   /* where a generated one is written */
	const char *new_file; /* a passphrase that shall do instead, if needed; NULL: none */
};

/* 0, or negative with a sentence that says what to do: without a recovery passphrase the machine
 * boots on through the server, and is lost with it. */
int recovery_prove(const struct recovery_proof *proof) MUST_CHECK;
