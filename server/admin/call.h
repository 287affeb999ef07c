/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call of a route: who calls, what with, and the ways to answer. Route files use this and the
 * store, and nothing of HTTP.
 */
#pragma once

#include "common/json.h"
#include "server/admin/assets.h"
#include "server/admin/problem.h"
#include "server/edge/edge.h"
#include "server/rate.h"
#include "server/store/store_policy.h"
#include "server/store/store_proposals.h"

#define CALL_WORDS_MAX 2
#define CALL_WORD_SIZE 65
#define TAGS_MAX 16
#define TAG_MAX_BYTES 64

/* The admin process. */
struct admin {
	const struct server_config *config;
	struct store *store;
	struct assets assets;
	struct rate_table *rate;
};

struct call {
	struct connection *connection;
	struct admin *admin;
	const struct route *route;
	const struct request *request;
	char words[CALL_WORDS_MAX][CALL_WORD_SIZE]; /* what stands for each '*' of the path */
	struct store_user user;			    /* routes for people */
	struct store_by by;			    /* the same person, for the audit */
	char token[TOKEN_TEXT_SIZE];		    /* routes for devices: the report token */
	json_t *body;				    /* POST routes that take one: an object */
};

/* What must be known again when core has answered; connection_keep() keeps it. */
struct pending {
	struct store_user user;
};

/* Takes the bearer token out of the request. False: there is none, or it can't be one. */
bool call_bearer(const struct request *request, char ret[static TOKEN_TEXT_SIZE]);

/* --- answers --------------------------------------------------------------------------------- */

/* Answers with the value and releases it. NULL (out of memory while building) becomes 500. */
void answer_json(struct connection *connection, int status, json_t *value);
void answer_empty(struct connection *connection); /* 204 */

/* For a failure of the store: 503 when busy or full, else 500; the sentence goes to the log. */
void answer_failure(struct connection *connection, int r);

/* For STORE_NEEDS_QUORUM: keeps the request as a proposal about words[0], answers 202 with it. */
void answer_needs_quorum(struct call *call, enum store_subject subject);

/* For -EINVAL with a sentence about the body: 400 "invalid" with that sentence. */
void answer_invalid(struct connection *connection);

/* --- members of bodies: 0 or -EINVAL with a sentence that names the member -------------------- */

/* Refuses members that aren't among these names (ends with NULL). */
int body_only(const json_t *body, const char *const *names) MUST_CHECK;

/* A text of at most max_bytes without control characters; "" when it's missing. */
int body_text(const json_t *body, const char *name, size_t max_bytes, const char **ret) MUST_CHECK;

/* An array of tags, as compact JSON text; "[]" when missing. */
int body_tags(const json_t *body, char *ret, size_t size) MUST_CHECK;

/* An array of at most so many texts, as compact JSON text; "[]" when missing. */
int body_texts(const json_t *body, const char *name, size_t most, char *ret,
	       size_t size) MUST_CHECK;

/* An array of address ranges, normalized, as compact JSON text; "[]" when missing. */
int body_ranges(const json_t *body, const char *name, char *ret, size_t size) MUST_CHECK;

/* "network_lists": an array of names, each once, as compact JSON text; "[]" when missing. */
int body_list_names(const json_t *body, char *ret, size_t size) MUST_CHECK;
bool is_list_name(const char *text);

/* "approval": none, active or always; "none" when missing. */
int body_approval(const json_t *body, const char **ret) MUST_CHECK;

/* A number within bounds; the fallback when it's missing. */
int body_number(const json_t *body, const char *name, uint64_t fallback, uint64_t least,
		uint64_t most, uint64_t *ret) MUST_CHECK;

/* The same of the query string; the fallback when it isn't there. */
int query_number(const struct call *call, const char *name, uint64_t fallback,
		 uint64_t *ret) MUST_CHECK;

/* --- pieces of answers ------------------------------------------------------------------------ */

/* The value of a JSON text from the store; null for "" or for a damaged one. */
json_t *json_of_text(const char *text);

/* A device by docs/protocol.md §3. */
json_t *json_of_device(const struct admin *admin, const struct store_device *device);
json_t *json_of_enrollment_key(const struct store_enrollment_key *key);

/* https://…/d/<device>; the caller frees it. */
int device_url(const struct admin *admin, const uint8_t device[static DEVICE_ID_BYTES],
	       char **ret) MUST_CHECK;

/* 32 hex digits; false for anything else. */
bool read_device_id(const char *text, uint8_t ret[static DEVICE_ID_BYTES]);
