/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Self-test of libjose: its algorithms are registered by constructors, so a program that was linked
 * without them starts and then finds none. Uses the library directly.
 */
#include "bootstrap/selftest_checks.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <jose/jose.h>
#include <stdio.h>
#include <string.h>

#define CLEANUP_VALUE CLEANUP(json_decrefp)

/* What clevis and tang use, and what their keys are wrapped with. */
static const char *const algorithms[] = { "ECMR",      "ES256",	 "ES512", "ECDH-ES", "A256GCM",
					  "A256GCMKW", "A256KW", "HS256", "RS256" };

static json_t *generate(const char *alg)
{
	json_t *key = json_pack("{s:s}", "alg", alg);

	if (key && jose_jwk_gen(NULL, key))
		return key;
	json_decref(key);
	return NULL;
}

static int generate_all(struct selftest *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		CLEANUP_VALUE json_t *key = generate(algorithms[i]);
		size_t used = strlen(test->detail);

		if (!key)
			return fail(-EIO, "libjose knows no %s", algorithms[i]);
		snprintf(test->detail + used, sizeof(test->detail) - used, "%s%s", i ? " " : "",
			 algorithms[i]);
	}
	return 0;
}

int selftest_jose_algorithms(struct selftest *test)
{
	return generate_all(test);
}

static json_t *public_half(const json_t *key)
{
	json_t *copy = json_deep_copy(key);

	if (copy && jose_jwk_pub(NULL, copy))
		return copy;
	json_decref(copy);
	return NULL;
}

/* Both sides of an exchange must come to the same point. */
int selftest_jose_exchange(struct selftest *test)
{
	CLEANUP_VALUE json_t *ours = generate("ECMR");
	CLEANUP_VALUE json_t *theirs = generate("ECMR");
	CLEANUP_VALUE json_t *our_public = ours ? public_half(ours) : NULL;
	CLEANUP_VALUE json_t *their_public = theirs ? public_half(theirs) : NULL;
	CLEANUP_VALUE json_t *here = NULL;
	CLEANUP_VALUE json_t *there = NULL;
	const char *curve;

	if (!our_public || !their_public)
		return fail(-EIO, "no ECMR keys");
	curve = json_string_value(json_object_get(ours, "crv"));
	if (!curve || strcmp(curve, "P-521") != 0)
		return fail(-EIO, "the ECMR key isn't on P-521");
	here = jose_jwk_exc(NULL, ours, their_public);
	there = jose_jwk_exc(NULL, theirs, our_public);
	if (!here || !there || !json_equal(json_object_get(here, "x"), json_object_get(there, "x")))
		return fail(-EIO, "the two sides of an ECMR exchange differ");
	(void)test;
	return 0;
}

int selftest_jose_signature(struct selftest *test)
{
	CLEANUP_VALUE json_t *key = generate("ES512");
	CLEANUP_VALUE json_t *other = generate("ES512");
	CLEANUP_VALUE json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc("advertised", 10));

	if (!key || !other || !jws)
		return fail(-EIO, "no ES512 keys");
	if (!jose_jws_sig(NULL, jws, NULL, key))
		return fail(-EIO, "signing with ES512 fails");
	if (!jose_jws_ver(NULL, jws, NULL, key, false))
		return fail(-EIO, "an ES512 signature isn't accepted");
	if (jose_jws_ver(NULL, jws, NULL, other, false))
		return fail(-EIO, "an ES512 signature is accepted for another key");
	(void)test;
	return 0;
}

/* A key for direct agreement: libjose refuses one that is marked for another use. */
static json_t *generate_agreement_key(void)
{
	json_t *key = json_pack("{s:s,s:s}", "kty", "EC", "crv", "P-521");

	if (key && jose_jwk_gen(NULL, key))
		return key;
	json_decref(key);
	return NULL;
}

int selftest_jose_encryption(struct selftest *test)
{
	static const char text[] = "a volume's passphrase";
	CLEANUP_VALUE json_t *key = generate_agreement_key();
	CLEANUP_VALUE json_t *recipient = key ? public_half(key) : NULL;
	CLEANUP_VALUE json_t *jwe = json_pack("{s:{s:s,s:s}}", "protected", "alg", "ECDH-ES", "enc",
					      "A256GCM");
	CLEANUP_FREE char *plain = NULL;
	size_t len = 0; /* libjose adds to it */

	if (!recipient || !jwe)
		return fail(-EIO, "no P-521 key");
	if (!jose_jwe_enc(NULL, jwe, NULL, recipient, text, sizeof(text)))
		return fail(-EIO, "encrypting with ECDH-ES and A256GCM fails");
	plain = jose_jwe_dec(NULL, jwe, NULL, key, &len);
	if (!plain || len != sizeof(text) || memcmp(plain, text, len) != 0)
		return fail(-EIO, "decrypting with ECDH-ES and A256GCM fails");
	(void)test;
	return 0;
}
