/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of the store as answers, and what a change is answered with that the store didn't make. A
 * route file says what its noun is called and how a row of it reads as JSON; the rest is here.
 */
#pragma once

#include "server/admin/call.h"

struct noun {
	const char *list;	    /* the member of the list's answer */
	const char *missing;	    /* the sentence of 404 */
	const char *not_approver;   /* of 403 "approver"; NULL: nobody votes about it */
	enum store_subject subject; /* of the proposal that a change of it becomes, if it does */
};

/* For the store's calls for each row: rows is their userdata, an array; row is released. */
int rows_add(void *rows, json_t *row) MUST_CHECK;

/* r is what the store has said after it gave the rows, which are released: the only one, or
 * "not-found"; all of them as a list. */
void answer_row(struct call *call, const struct noun *noun, int status, int r, json_t *rows);
void answer_rows(struct call *call, const struct noun *noun, int r, json_t *rows);

/* A change that gave r, which isn't 0. conflict: the sentence of 409. */
void answer_unchanged(struct call *call, const struct noun *noun, int r, const char *conflict);

/* A deletion of words[0] that gave r. */
void answer_deleted(struct call *call, const struct noun *noun, int r, const char *conflict);

/* The query's "state": pending, which is the default, or all. False: it was answered with 400. */
bool query_pending(struct call *call, bool *ret);
