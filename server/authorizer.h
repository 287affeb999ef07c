/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an external authorizer answers (docs/authorizer.md): a compact JWS in one exact form, so
 * that the courier can take it apart into numbers and core can put the very same text together
 * again. So core checks a signature without ever reading a foreign text. Pure.
 */
#pragma once

#include "common/base.h"

#define AUTHORIZER_ID_BYTES 16
#define AUTHORIZER_SIGNATURE_MAX 132 /* ES512 */
#define AUTHORIZER_ANSWER_MAX_BYTES 1024
#define AUTHORIZER_HEADER_COUNT 9
#define AUTHORIZER_TIMEOUT_MS 3000

struct authorizer_answer {
	uint8_t id[AUTHORIZER_ID_BYTES];
	bool allows;
	uint64_t expires_s;
	unsigned header; /* which of the forms; below AUTHORIZER_HEADER_COUNT */
	uint8_t signature[AUTHORIZER_SIGNATURE_MAX];
	size_t signature_len;
};

/* A body as it came, up to AUTHORIZER_ANSWER_MAX_BYTES; white space behind it is allowed. -EINVAL
 * with a sentence. Whose signature it is isn't looked at. */
int authorizer_answer_parse(const char *text, size_t len, struct authorizer_answer *ret) MUST_CHECK;

/* The text of exactly this answer; the caller frees it. */
int authorizer_answer_print(const struct authorizer_answer *answer, char **ret) MUST_CHECK;

/* How asking has ended; in messages and, as words, in the audit. */
enum authorizer_cause {
	AUTHORIZER_NOT_ASKED,
	AUTHORIZER_SAID_ALLOW,
	AUTHORIZER_SAID_DENY,
	AUTHORIZER_TIMEOUT, /* no whole answer in time */
	AUTHORIZER_NO_NAME, /* the name of its URL can't be resolved */
	AUTHORIZER_NO_CONNECTION,
	AUTHORIZER_PRIVATE,	/* its address is private, and the operator doesn't allow it */
	AUTHORIZER_CERTIFICATE, /* or TLS at all */
	AUTHORIZER_STATUS,	/* another HTTP status than 200 */
	AUTHORIZER_TOO_LARGE,
	AUTHORIZER_GARBAGE,   /* not the one form */
	AUTHORIZER_SIGNATURE, /* not by the configured key */
	AUTHORIZER_WRONG_ID,  /* answers another question */
	AUTHORIZER_EXPIRED,
	AUTHORIZER_CHANGED, /* the setting, or what would be decided, has changed meanwhile */
	AUTHORIZER_BUSY,    /* too many are being asked for, or there is no courier */
	AUTHORIZER_FAILED,  /* anything else; see the server's log */
	AUTHORIZER_CAUSE_COUNT,
};

/* A word for the audit and the API, and a sentence for people. Constant texts. */
const char *authorizer_cause_name(enum authorizer_cause cause);
const char *authorizer_cause_advice(enum authorizer_cause cause);
