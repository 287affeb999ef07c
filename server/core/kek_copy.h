/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The portable copy of the KEK: a JWE that somebody can open without the server, on the day it is
 * gone. It isn't believed to be one until it was opened once. docs/kek.md.
 */
#pragma once

#include "server/core/epoch.h"

/* To whom, or by what; one of them is named. Paths, and what kek_copy_load() reads from them. */
struct kek_copy_seal {
	const char *jwk, *passphrase_file;
	struct secret key, passphrase;
};

/* Reads the named file. is_private: the key opens, and nobody else may be able to read it. */
int kek_copy_load(struct kek_copy_seal *seal, bool is_private) MUST_CHECK;
void kek_copy_done(struct kek_copy_seal *seal);

/* A copy of the present KEK, JSON text; the caller frees it. Noted in the store. */
int kek_copy_make(const struct server_config *config, struct store *store,
		  const struct kek_copy_seal *seal, char **ret) MUST_CHECK;

/* Opens a copy. */
int kek_copy_open(const char *copy, size_t len, const struct kek_copy_seal *seal,
		  struct secret *ret) MUST_CHECK;

/* Opens it and notes that it is the present KEK. STORE_NOT_FOUND: it is another one. */
int kek_copy_verify(struct store *store, const char *copy, size_t len,
		    const struct kek_copy_seal *seal) MUST_CHECK;
