/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reboots that people announce: an allowed unlock that nobody expected leaves an alert. It decides
 * nothing.
 */
#pragma once

#include "server/core/parts.h"

/* Replies of one boot are one surprise. */
#define REBOOT_SURPRISE_S 120

struct reboot_question {
	uint64_t now_s;
	bool is_converting;
	bool is_waived; /* people have allowed this very unlock */
};

bool reboot_is_surprise(const struct store_unlock *device, const struct reboot_question *question);

/* Inside the decision's transaction: the alert "unlock-unexpected", when this is one. like: the
 * row of the unlock, of which it has device and source. */
int reboot_note(struct core_parts *parts, const struct store_unlock *device,
		const struct reboot_question *question,
		const struct store_audit_entry *like) MUST_CHECK;
