/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See cipher.h. The fallback is Adiantum (Crowley and Biggers, 2018), made for such processors,
 * with the 20 rounds of RFC 8439: a wide-block mode, so each change of a sector changes all of it.
 */
#include "bootstrap/cipher.h"

#include "common/base.h"

#include <string.h>

enum { DEFAULT, FALLBACK };

static const struct cipher table[] = {
	[DEFAULT] = { "aes-xts-plain64", "aes", "xts-plain64", 64, "xts" },
	[FALLBACK] = { "xchacha20,aes-adiantum-plain64", "xchacha20,aes", "adiantum-plain64", 32,
		       "adiantum" },
};

const struct cipher *cipher_default(void)
{
	return &table[DEFAULT];
}

const struct cipher *cipher_fallback(void)
{
	return &table[FALLBACK];
}

const struct cipher *cipher_find(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].text, text) == 0)
			return &table[i];
	return NULL;
}

/* Less than half as fast again isn't worth leaving what everybody uses; nor is it a measurement on
 * a machine that does other things meanwhile. */
static bool is_clearly_faster(const struct facts *facts)
{
	return facts->default_cipher_rate > 0 &&
	       facts->fallback_cipher_rate / 3 > facts->default_cipher_rate / 2;
}

const struct cipher *cipher_choose(const char *wish, const struct facts *facts)
{
	const struct cipher *wanted = cipher_find(wish);

	if (wanted)
		return wanted;
	if (facts->has_aes_instructions || !facts->has_fallback_cipher || !is_clearly_faster(facts))
		return cipher_default();
	return cipher_fallback();
}
