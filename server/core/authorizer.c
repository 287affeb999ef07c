/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The question is an object that no checkpoint can be taken for, and the reverse: its "type" says
 * what it is, and it lacks what a checkpoint must have. Both are signed by the same key.
 */
#include "server/core/authorizer.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#define QUESTION_VALID_S 60 /* for clocks that differ; core itself waits 3 s */

int authorizer_question_print(const struct authorizer_question *question, const json_t *key,
			      char **ret)
{
	char id[2 * AUTHORIZER_ID_BYTES + 1], device[2 * DEVICE_ID_BYTES + 1] = "";
	char source[CIDR_TEXT_SIZE] = "";
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	text_hex(id, question->id, sizeof(question->id));
	if (question->device) {
		text_hex(device, question->device, DEVICE_ID_BYTES);
		source_print(question->source, source);
	}
	value = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "type",
			  "panocrypt-authorization", "id", id, "audience", question->url,
			  "organization", question->organization, "device", device, "source",
			  source, "reason",
			  question->device ? reason_name(question->reason) : "test", "time",
			  (json_int_t)question->now_s, "expires",
			  (json_int_t)question->now_s + QUESTION_VALID_S);
	if (!value)
		return fail(-ENOMEM, "out of memory");
	r = js_print(value, &text);
	return r < 0 ? r : jwk_sign_text(key, text, ret);
}

enum authorizer_cause authorizer_answer_check(const struct authorizer_answer *answer,
					      const struct store_authorizer *authorizer,
					      const uint8_t id[static AUTHORIZER_ID_BYTES])
{
	CLEANUP_FREE char *text = NULL, *payload = NULL;
	CLEANUP_JSON json_t *key = NULL;

	key = json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", authorizer->curve, "x",
			authorizer->x, "y", authorizer->y);
	if (!key || authorizer_answer_print(answer, &text) < 0)
		return AUTHORIZER_FAILED;
	if (jwk_verify_text(key, text, AUTHORIZER_ANSWER_MAX_BYTES, &payload) < 0)
		return AUTHORIZER_SIGNATURE;
	if (memcmp(answer->id, id, AUTHORIZER_ID_BYTES) != 0)
		return AUTHORIZER_WRONG_ID;
	return answer->allows ? AUTHORIZER_SAID_ALLOW : AUTHORIZER_SAID_DENY;
}
