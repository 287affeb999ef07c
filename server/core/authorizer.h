/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Core's side of asking an external authorizer: the text of a question, and whether an answer is
 * one to it. Pure but for OpenSSL and libjose; knows no message, no store and no clock.
 */
#pragma once

#include "common/json.h"
#include "server/authorizer.h"
#include "server/cidr.h"
#include "server/reason.h"
#include "server/store/store_policy.h"

struct authorizer_question {
	uint8_t id[AUTHORIZER_ID_BYTES];
	const char *url, *organization;
	const uint8_t *device; /* NULL: a test, about nothing */
	const struct source_address *source;
	enum reason reason;
	uint64_t now_s;
};

/* Signed by key, compact JWS; the caller frees the text. */
int authorizer_question_print(const struct authorizer_question *question, const json_t *key,
			      char **ret) MUST_CHECK;

/* What the answer comes to: SAID_ALLOW or SAID_DENY only when the authorizer's key has signed it
 * for this id. Whether it has expired is for who reads the time of the decision. */
enum authorizer_cause authorizer_answer_check(const struct authorizer_answer *answer,
					      const struct store_authorizer *authorizer,
					      const uint8_t id[static AUTHORIZER_ID_BYTES]);
