/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment keys as people write them: XXXX-XXXXX-XXX in Crockford's base32 (0-9 A-Z without I L O
 * U). Reading is tolerant: any case, O for 0, I and L for 1, dashes and spaces anywhere. The first
 * 4 characters are the lookup id (safe to log), the other 8 the secret (40 bits; the server keeps
 * only a keyed hash and slows guesses).
 */
#pragma once

#include "common/base.h"

#define ENROLLMENT_KEY_ID_CHARS 4
#define ENROLLMENT_KEY_CHARS 12
#define ENROLLMENT_KEY_TEXT_SIZE 15 /* with two dashes and the zero */

struct enrollment_key {
	char chars[ENROLLMENT_KEY_CHARS + 1]; /* normalized, without dashes */
};

/* -EINVAL with a sentence; the text itself is never repeated in it. */
int enrollment_key_parse(const char *text, struct enrollment_key *ret) MUST_CHECK;
int enrollment_key_generate(struct enrollment_key *ret) MUST_CHECK;
void enrollment_key_print(const struct enrollment_key *key,
			  char ret[static ENROLLMENT_KEY_TEXT_SIZE]);
