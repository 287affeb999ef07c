/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast the kernel's ciphers are, by libcryptsetup's own measurement: the implementations that
 * dm-crypt uses, asked through AF_ALG.
 */
#include "bootstrap/luks_private.h"
#include "common/err.h"

#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES (256 * KIB)
#define IV_BYTES 16 /* corrected by the library, which knows the cipher */

int luks_cipher_rate(const struct cipher *cipher, uint64_t *ret)
{
	double encrypted = 0, decrypted = 0; /* MiB a second */
	uint64_t best = 0;
	char mode[32];
	int r;

	/* Without the IV's kind, which is no part of the cipher's name in the kernel; the library
	 * (2.8) takes it away and then uses what it was given. */
	snprintf(mode, sizeof(mode), "%.*s", (int)strcspn(cipher->mode, "-"), cipher->mode);

	for (int pass = 0; pass < 2; pass++) { /* the first one warms up; others may be at work */
		r = crypt_benchmark(NULL, cipher->name, mode, cipher->key_bytes, IV_BYTES,
				    BUFFER_BYTES, &encrypted, &decrypted);
		if (r < 0)
			return fail(r, "measuring %s: %s", cipher->text, strerror(-r));
		best = MAX(best, (uint64_t)(MIN(encrypted, decrypted) * (double)MIB));
	}
	*ret = best;
	return 0;
}
