/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of keys as tangd has it: NAME.jwk is advertised, .NAME.jwk is hidden (it still answers
 * for what was bound to it). Reads the folder and, when it has no key to show, makes a first pair;
 * no socket, no HTTP.
 */
#pragma once

#include "common/secret.h"

#define KEYDIR_FILE_MAX_BYTES (16 * KIB)
#define KEYDIR_KEYS_MAX 512

struct keydir;

/* Outcomes besides 0. */
enum { KEYDIR_NOT_FOUND = 1, KEYDIR_OTHER_USE = 2 };

/* Reads all keys. Files that hold none are left out with a warning. -ENOENT: no such folder;
 * -ENOKEY: keys are shown, but none that signs. */
int keydir_open(const char *path, struct keydir **ret) MUST_CHECK;
void keydir_close(struct keydir *keydir);
DEFINE_CLEANUP(struct keydir *, keydir_close);

/* The advertisement of what is shown, signed by each shown signing key and, if thumbprint isn't "",
 * by that key besides, hidden or not. KEYDIR_NOT_FOUND: no such signing key. The caller frees it.
 */
int keydir_advertise(const struct keydir *keydir, const char *thumbprint, char **ret) MUST_CHECK;

/* The private number (P521_BYTES) of an exchange key, hidden or not. KEYDIR_NOT_FOUND: no such key;
 * KEYDIR_OTHER_USE: it isn't for exchanges, or not on P-521. */
int keydir_exchange_key(const struct keydir *keydir, const char *thumbprint,
			struct secret *ret) MUST_CHECK;
