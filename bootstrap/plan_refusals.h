/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of refusals, in the order in which they are looked at. docs/refusals.md explains each
 * code.
 */
#pragma once

#include "bootstrap/plan.h"

struct plan_check {
	const char *code;
	/* True when it applies; then fact says what was seen. */
	bool (*applies)(const struct facts *facts, const struct config *config,
			char fact[static 256]);
	const char *why, *todo;
	bool is_overridable;
	bool is_last;	  /* nothing behind it can be trusted, or matters */
	bool is_for_ever; /* looked at while a conversion is under way, too */
};

extern const struct plan_check plan_checks[];
extern const size_t plan_check_count;

/* The room that the conversion needs on the root partition, in bytes. */
uint64_t plan_needed_bytes(const struct facts *facts, const struct config *config);
