/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Self-test of libcryptsetup on files, without device-mapper: LUKS2 with argon2id and pbkdf2 slots,
 * tokens, opening; and of libblkid on what came out. Uses the libraries directly.
 */
#include "bootstrap/selftest_checks.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <blkid/blkid.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ARGON_PASSPHRASE "recovery passphrase"
#define PBKDF2_PASSPHRASE "clevis secret"
#define VOLUME_KEY_BYTES 64
#define LUKS_FILE "luks"

static char last_complaint[SELFTEST_DETAIL_MAX];

static void remember_complaint(int level, const char *message, void *userdata)
{
	(void)userdata;
	if (level == CRYPT_LOG_ERROR)
		snprintf(last_complaint, sizeof(last_complaint), "%.*s",
			 (int)strcspn(message, "\n"), message);
}

int selftest_luks_fail(int r, const char *what)
{
	return fail(r, "%s: %s%s%s", what, strerror(-r), last_complaint[0] ? ": " : "",
		    last_complaint);
}

int selftest_luks_kdf(struct crypt_device *cd, const char *type)
{
	const struct crypt_pbkdf_type argon = { .type = CRYPT_KDF_ARGON2ID,
						.hash = "sha256",
						.iterations = 4,
						.max_memory_kb = 16 * 1024,
						.parallel_threads = 2,
						.flags = CRYPT_PBKDF_NO_BENCHMARK };
	const struct crypt_pbkdf_type pbkdf2 = { .type = CRYPT_KDF_PBKDF2,
						 .hash = "sha256",
						 .iterations = 1000,
						 .flags = CRYPT_PBKDF_NO_BENCHMARK };
	int r = crypt_set_pbkdf_type(cd, strcmp(type, "argon2id") ? &pbkdf2 : &argon);

	return r < 0 ? selftest_luks_fail(r, type) : 0;
}

int selftest_luks_format(const char *file, const char *data, uint64_t offset_bytes,
			 struct crypt_device **ret)
{
	struct crypt_params_luks2 params = { .sector_size = 4096, .data_device = data };
	struct crypt_device *cd = NULL;
	int r;

	last_complaint[0] = '\0';
	crypt_set_log_callback(NULL, remember_complaint, NULL);
	if (access("/dev/urandom", R_OK) < 0 || access("/dev/random", R_OK) < 0)
		return fail(-ENODEV, "libcryptsetup needs /dev/urandom and /dev/random: make them");
	r = crypt_init(&cd, file);
	if (r < 0)
		return selftest_luks_fail(r, "crypt_init");
	r = crypt_set_data_offset(cd, offset_bytes / SECTOR_BYTES);
	if (!r)
		r = selftest_luks_kdf(cd, "pbkdf2"); /* of the digest */
	if (!r)
		r = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL,
				 VOLUME_KEY_BYTES, &params);
	if (r < 0) {
		crypt_free(cd);
		return selftest_luks_fail(r, "LUKS2 format");
	}
	*ret = cd;
	return 0;
}

static int add_slot(struct crypt_device *cd, int slot, const char *kdf, const char *passphrase)
{
	int r = selftest_luks_kdf(cd, kdf);

	if (r < 0)
		return r;
	r = crypt_keyslot_add_by_volume_key(cd, slot, NULL, 0, passphrase, strlen(passphrase));
	return r == slot ? 0 : selftest_luks_fail(r < 0 ? r : -EIO, kdf);
}

static int check_token(struct crypt_device *cd)
{
	static const char token[] =
		"{\"type\":\"clevis\",\"keyslots\":[\"1\"],\"jwe\":{\"tag\":\"x\"}}";
	json_t *set = json_loads(token, 0, NULL);
	json_t *got = NULL;
	const char *text = NULL;
	bool is_equal;
	int r;

	r = crypt_token_json_set(cd, CRYPT_ANY_TOKEN, token);
	if (r >= 0)
		r = crypt_token_json_get(cd, r, &text);
	if (r >= 0)
		got = json_loads(text, 0, NULL);
	is_equal = json_equal(set, got);
	json_decref(set);
	json_decref(got);
	if (r < 0)
		return selftest_luks_fail(r, "token");
	return is_equal ? 0 : fail(-EIO, "a token comes back changed: %s", text);
}

static int make_volume(const char *file)
{
	struct crypt_device *cd = NULL;
	int r = selftest_luks_format(file, NULL, 16 * MIB, &cd);

	if (!r)
		r = add_slot(cd, 0, "argon2id", ARGON_PASSPHRASE);
	if (!r)
		r = add_slot(cd, 1, "pbkdf2", PBKDF2_PASSPHRASE);
	if (!r)
		r = check_token(cd);
	crypt_free(cd);
	return r;
}

/* The slot that a passphrase opens, without activating anything. */
static int slot_of(struct crypt_device *cd, const char *passphrase)
{
	return crypt_activate_by_passphrase(cd, NULL, CRYPT_ANY_SLOT, passphrase,
					    strlen(passphrase), 0);
}

static int open_volume(const char *file)
{
	struct crypt_device *cd = NULL;
	int r = crypt_init(&cd, file);

	if (!r)
		r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (r < 0)
		r = selftest_luks_fail(r, "loading the header");
	else if (slot_of(cd, ARGON_PASSPHRASE) != 0)
		r = selftest_luks_fail(-EIO, "the argon2id slot doesn't open");
	else if (slot_of(cd, PBKDF2_PASSPHRASE) != 1)
		r = selftest_luks_fail(-EIO, "the pbkdf2 slot doesn't open");
	else if (slot_of(cd, "wrong") != -EPERM)
		r = selftest_luks_fail(-EIO, "a wrong passphrase isn't refused");
	crypt_free(cd);
	return r;
}

int selftest_luks(struct selftest *test)
{
	char file[SELFTEST_PATH_MAX];
	int r = selftest_make_file(test, LUKS_FILE, 32 * MIB, file);

	if (!r)
		r = make_volume(file);
	if (!r)
		r = open_volume(file);
	return r;
}

/* Needs the file that selftest_luks() made. */
int selftest_luks_probe(struct selftest *test)
{
	char file[SELFTEST_PATH_MAX];
	const char *type = NULL;
	blkid_probe probe;
	int r = 0;

	selftest_path(test, LUKS_FILE, file);
	probe = blkid_new_probe_from_filename(file);
	if (!probe)
		return fail(-EIO, "libblkid doesn't open %s", file);
	blkid_probe_enable_superblocks(probe, 1);
	if (blkid_do_safeprobe(probe) != 0 ||
	    blkid_probe_lookup_value(probe, "TYPE", &type, NULL) != 0)
		r = fail(-EIO, "libblkid finds nothing on a LUKS2 volume");
	else if (strcmp(type, "crypto_LUKS") != 0)
		r = fail(-EIO, "libblkid takes a LUKS2 volume for %s", type);
	blkid_free_probe(probe);
	return r;
}
