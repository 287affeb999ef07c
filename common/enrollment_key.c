/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrollment keys between people's spelling and the normal form. Alphabet: Douglas Crockford, "Base
 * 32" (https://www.crockford.com/base32.html), without its check symbol.
 */
#include "common/enrollment_key.h"

#include "common/aead.h"
#include "common/err.h"
#include "common/secret.h"

#include <stdio.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The normal form of one character; 0 when it has none. */
static char normalize(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		return '0';
	if (c == 'I' || c == 'L')
		return '1';
	return c && strchr(alphabet, c) ? c : '\0';
}

int enrollment_key_parse(const char *text, struct enrollment_key *ret)
{
	struct enrollment_key key = { "" };
	size_t have = 0;
	int r = 0;

	for (; *text && r == 0; text++) {
		char c = normalize(*text);

		if (strchr("- \t\r\n", *text))
			continue;
		if (!c)
			r = fail(-EINVAL, "the enrollment key has a character that no key has: "
					  "copy it again");
		else if (have == ENROLLMENT_KEY_CHARS)
			r = fail(-EINVAL, "the enrollment key is too long: it has %d characters",
				 ENROLLMENT_KEY_CHARS);
		else
			key.chars[have++] = c;
	}
	if (r == 0 && have < ENROLLMENT_KEY_CHARS)
		r = fail(-EINVAL, "the enrollment key is too short: it has %d characters",
			 ENROLLMENT_KEY_CHARS);
	if (r == 0)
		*ret = key;
	secret_wipe(&key, sizeof(key));
	return r;
}

int enrollment_key_generate(struct enrollment_key *ret)
{
	uint8_t random[ENROLLMENT_KEY_CHARS];
	size_t i;
	int r;

	r = random_bytes(random, sizeof(random));
	if (r < 0)
		return r;
	for (i = 0; i < sizeof(random); i++)
		ret->chars[i] = alphabet[random[i] % 32]; /* 256 is a multiple of 32: no bias */
	ret->chars[ENROLLMENT_KEY_CHARS] = '\0';
	secret_wipe(random, sizeof(random));
	return 0;
}

void enrollment_key_print(const struct enrollment_key *key,
			  char ret[static ENROLLMENT_KEY_TEXT_SIZE])
{
	snprintf(ret, ENROLLMENT_KEY_TEXT_SIZE, "%.4s-%.5s-%.3s", key->chars, key->chars + 4,
		 key->chars + 9);
}
