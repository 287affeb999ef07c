/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the self-test share. Included by selftest*.c only.
 */
#pragma once

#include "common/base.h"

#include <libcryptsetup.h>

#define SELFTEST_PATH_MAX 256
#define SELFTEST_DETAIL_MAX 160

/* A check leaves by 0, by SELFTEST_SKIPPED with the reason as detail, or by a negative errno with a
 * sentence (common/err.h). */
enum selftest_outcome { SELFTEST_SKIPPED = 1 };

struct selftest {
	const char *dir;		  /* scratch folder, empty of this check's files */
	char detail[SELFTEST_DETAIL_MAX]; /* "" or what is worth knowing */
};

struct selftest_check {
	const char *name;
	int (*run)(struct selftest *test);
};

int selftest_jose_algorithms(struct selftest *test);
int selftest_jose_exchange(struct selftest *test);
int selftest_jose_signature(struct selftest *test);
int selftest_jose_encryption(struct selftest *test);
int selftest_luks(struct selftest *test);
int selftest_luks_probe(struct selftest *test);
int selftest_partitions(struct selftest *test);
int selftest_mounts(struct selftest *test);
int selftest_modules(struct selftest *test);
int selftest_reencrypt(struct selftest *test);

/* The path of a file in the scratch folder. */
void selftest_path(const struct selftest *test, const char *name,
		   char ret[static SELFTEST_PATH_MAX]);

/* Makes a sparse file of that size there and says its path. */
int selftest_make_file(const struct selftest *test, const char *name, uint64_t size_bytes,
		       char ret[static SELFTEST_PATH_MAX]);

/* fail() with what libcryptsetup last complained about behind it. */
int selftest_luks_fail(int r, const char *what);

/* Formats the file as LUKS2 (aes-xts, 4096-byte sectors) with its data at offset_bytes, in the same
 * file or in data. The caller owns the context. */
int selftest_luks_format(const char *file, const char *data, uint64_t offset_bytes,
			 struct crypt_device **ret);

/* Cheap key derivation for the keyslots added from now on: "argon2id" or "pbkdf2". */
int selftest_luks_kdf(struct crypt_device *cd, const char *type);
