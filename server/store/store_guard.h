/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose agreement a change needs: asked of the groups with a quorum of two or more that it
 * concerns. Shared by the changes, which call store_guard() (store_internal.h), and by proposals.
 */
#pragma once

#include "server/store/store_internal.h"

/* What these groups say. */
struct guard_tally {
	uint64_t groups;   /* that must agree */
	uint64_t mine;	   /* of these, whose approver the voter is */
	uint64_t complete; /* of these, with their quorum, or due */
	uint64_t quorum;   /* the largest */
	uint64_t delay_s;  /* the longest */
	uint64_t late;	   /* of the complete ones, without their quorum */
	bool waits_ever;   /* one of them is never due */
};

static inline bool guard_is_complete(const struct guard_tally *tally)
{
	return tally->complete >= tally->groups;
}

/* Inside a transaction: the groups that a change of this subject concerns, with the votes for the
 * proposal (NULL: none yet) of those who may still vote. by is the voter. */
int guard_count(struct store *store, const struct store_by *by, enum store_subject subject,
		const char *name, const uint8_t *proposal, struct guard_tally *ret) MUST_CHECK;

/* As it stands in the store; -EIO for what can't stand there. */
const char *guard_subject_name(enum store_subject subject);
int guard_subject_of(const char *name, enum store_subject *ret) MUST_CHECK;

/* The audit row about a proposal, inside its transaction. */
int guard_audit(struct store *store, const struct store_by *by, const char *event,
		const uint8_t *id, const char *path) MUST_CHECK;
