/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proposals: changes that weaken what decides about a device under a group with a quorum of two or
 * more. Such a change is refused with STORE_NEEDS_QUORUM, kept as the request that it was, and made
 * again with by->proposal once enough others agree. docs/server-states.md has the table.
 */
#pragma once

#include "server/store/store.h"

#define STORE_PROPOSAL_VALID_S (7 * 24 * 3600)
#define STORE_CHANGE_DELAY_MAX_S (6 * 24 * 3600) /* leaves a day to make it */
#define STORE_PROPOSALS_MAX 200			 /* pending ones of an organization */

/* A further outcome of changes: nothing was changed, people have to agree first. */
enum { STORE_NEEDS_QUORUM = 5 };

/* What is changed. */
enum store_subject {
	SUBJECT_DEVICE,
	SUBJECT_NETWORK_LIST,
	SUBJECT_GROUP,
	SUBJECT_AUTHORIZER, /* the organization's only one; its name is "" */
};

struct store_proposal {
	uint8_t id[16];
	const char *subject; /* "device", "network-list", "approval-group", "authorizer" */
	const char *name;    /* of the subject: a device's id, or the name */
	const char *path;    /* of the request, which is a POST */
	const char *body;    /* its JSON text */
	const char *state;   /* "pending", "agreed", "denied", "expired" */
	const char *created_by, *decided_by;
	uint64_t created_s, until_s, decided_s;
	uint64_t votes;
	uint64_t quorum,
		due_s; /* as they were when this was proposed; due_s: without votes, or 0 */
};

typedef int (*store_proposal_each)(const struct store_proposal *row, void *userdata);

/* Newest first. pending_only leaves out what is decided or over. */
int store_proposals(struct store *store, const uint8_t organization[static 16], bool pending_only,
		    store_proposal_each each, void *userdata) MUST_CHECK;
/* One; STORE_NOT_FOUND. */
int store_proposal(struct store *store, const uint8_t organization[static 16],
		   const uint8_t id[static 16], store_proposal_each each,
		   void *userdata) MUST_CHECK;

struct store_new_proposal {
	enum store_subject subject;
	const char *name, *path, *body;
};

/* The same by the same person, still pending, isn't kept twice. STORE_CONFLICT: too many wait. */
int store_proposal_make(struct store *store, const struct store_by *by,
			const struct store_new_proposal *new, uint8_t ret_id[static 16]) MUST_CHECK;

/* One person's word; once it is due, also the proposer's own. *ret_complete: enough agree now, so
 * the request is to be made again with by->proposal. STORE_NOT_FOUND; STORE_CONFLICT: it isn't
 * pending any more; STORE_NOT_APPROVER (store_policy.h). */
int store_proposal_vote(struct store *store, const struct store_by *by, const uint8_t id[static 16],
			bool agrees, bool *ret_complete) MUST_CHECK;
