/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ciphers that a disk may be encrypted with, and which of them fits a machine. Pure: speeds are
 * facts, measured by luks_cipher_rate().
 */
#pragma once

#include "bootstrap/facts.h"

#define CIPHER_AUTO "auto" /* what fits the machine */

struct cipher {
	const char *text;	 /* as LUKS2 and dm-crypt name it; what the intent keeps */
	const char *name, *mode; /* its halves, as libcryptsetup wants them */
	size_t key_bytes;
	const char *module; /* of the kernel */
};

/* aes-xts-plain64 with two 256-bit keys. */
const struct cipher *cipher_default(void);

/* The one for processors without AES instructions. */
const struct cipher *cipher_fallback(void);

/* By its text; NULL for others. */
const struct cipher *cipher_find(const char *text);

/* WISH is a cipher's text or CIPHER_AUTO: the default; or the fallback, where the processor has no
 * AES instructions and the fallback was measured to be clearly faster. */
const struct cipher *cipher_choose(const char *wish, const struct facts *facts);
