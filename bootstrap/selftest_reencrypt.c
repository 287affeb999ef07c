/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Self-test of what the conversion does, on a file, offline: a detached header is initialised for
 * encryption with the head moved, put at the head, run to the end, and the ciphertext is decrypted
 * with OpenSSL and compared. Uses the libraries directly. For libcryptsetup >= 2.8 only.
 */
#include "bootstrap/selftest_checks.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHIFT_BYTES (16 * MIB)
#ifndef PAYLOAD_BYTES		 /* a test of libcryptsetup includes this file with others */
#define PAYLOAD_BYTES (24 * MIB) /* no multiple of the shift: one chunk is a short one */
#endif
#define DEVICE_BYTES (PAYLOAD_BYTES + 2 * SHIFT_BYTES)
#define CIPHER_SECTOR_BYTES 4096
#define KEY_BYTES 64
#define PASSPHRASE "reencrypt"

static const struct crypt_params_luks2 luks2 = { .sector_size = CIPHER_SECTOR_BYTES };

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);

/* What the payload holds at a word: nothing repeats, so a misplaced block is seen. */
static uint64_t pattern_word(uint64_t index)
{
	return (index + 1) * 0x9e3779b97f4a7c15ULL;
}

static void fill_pattern(uint64_t *words, uint64_t offset_bytes, size_t len)
{
	for (size_t i = 0; i < len / sizeof(*words); i++)
		words[i] = pattern_word(offset_bytes / sizeof(*words) + i);
}

static int write_payload(const char *file)
{
	CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);
	CLEANUP_FREE uint64_t *block = malloc(MIB);

	if (fd < 0 || !block)
		return fail(fd < 0 ? -errno : -ENOMEM, "can't open %s", file);
	for (uint64_t at = 0; at < PAYLOAD_BYTES; at += MIB) {
		int r;

		fill_pattern(block, at, MIB);
		r = file_pwrite_all(fd, block, MIB, at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int init_header(const char *header, const char *data, char *ret_key)
{
	const struct crypt_params_reencrypt params = {
		.mode = CRYPT_REENCRYPT_ENCRYPT,
		.direction = CRYPT_REENCRYPT_BACKWARD,
		.resilience = "datashift",
		.hash = "sha256",
		.data_shift = SHIFT_BYTES / SECTOR_BYTES,
		.device_size = PAYLOAD_BYTES / SECTOR_BYTES,
		.luks2 = &luks2,
		.flags = CRYPT_REENCRYPT_INITIALIZE_ONLY | CRYPT_REENCRYPT_MOVE_FIRST_SEGMENT,
	};
	struct crypt_device *cd = NULL;
	size_t key_size = KEY_BYTES;
	int r = selftest_luks_format(header, data, SHIFT_BYTES, &cd);

	if (r < 0)
		return r;
	r = crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, PASSPHRASE, strlen(PASSPHRASE));
	if (r >= 0)
		r = crypt_volume_key_get(cd, 0, ret_key, &key_size, PASSPHRASE, strlen(PASSPHRASE));
	if (r >= 0)
		r = crypt_reencrypt_init_by_passphrase(cd, NULL, PASSPHRASE, strlen(PASSPHRASE),
						       CRYPT_ANY_SLOT, 0, "aes", "xts-plain64",
						       &params);
	crypt_free(cd);
	return r < 0 ? selftest_luks_fail(r, "reencryption init") : 0;
}

/* The header file becomes the head of the data, as `place` does it. */
static int put_header(const char *header, const char *data)
{
	CLEANUP_CLOSE int from = open(header, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int to = open(data, O_WRONLY | O_CLOEXEC);
	CLEANUP_FREE char *block = malloc(SHIFT_BYTES);
	int r;

	if (from < 0 || to < 0 || !block)
		return fail(-EIO, "can't copy the header");
	r = file_pread_all(from, block, SHIFT_BYTES, 0);
	if (!r)
		r = file_pwrite_all(to, block, SHIFT_BYTES, 0);
	return r;
}

static int run_to_the_end(const char *data)
{
	const struct crypt_params_reencrypt params = { .luks2 = &luks2,
						       .flags = CRYPT_REENCRYPT_RESUME_ONLY };
	struct crypt_device *cd = NULL;
	int r = crypt_init(&cd, data);

	if (!r)
		r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (!r)
		r = crypt_reencrypt_init_by_passphrase(cd, NULL, PASSPHRASE, strlen(PASSPHRASE),
						       CRYPT_ANY_SLOT, 0, NULL, NULL, &params);
	if (r >= 0)
		r = crypt_reencrypt_run(cd, NULL, NULL);
	if (!r && crypt_reencrypt_status(cd, NULL) != CRYPT_REENCRYPT_NONE)
		r = -EIO;
	crypt_free(cd);
	return r < 0 ? selftest_luks_fail(r, "reencryption") : 0;
}

/* AES-XTS over one cipher sector; plain64 counts in 512-byte sectors of the payload. */
static int decrypt_sector(EVP_CIPHER_CTX *aes, uint64_t offset_bytes, uint8_t *sector)
{
	uint8_t iv[16] = { 0 };
	uint64_t number = offset_bytes / SECTOR_BYTES;
	int len = 0;

	for (size_t i = 0; i < sizeof(number); i++)
		iv[i] = (uint8_t)(number >> (8 * i));
	if (EVP_DecryptInit_ex(aes, NULL, NULL, NULL, iv) != 1 ||
	    EVP_DecryptUpdate(aes, sector, &len, sector, CIPHER_SECTOR_BYTES) != 1)
		return fail(-EIO, "OpenSSL can't decrypt");
	return 0;
}

static int compare_sector(int fd, EVP_CIPHER_CTX *aes, uint64_t at)
{
	uint64_t expected[CIPHER_SECTOR_BYTES / sizeof(uint64_t)];
	uint8_t sector[CIPHER_SECTOR_BYTES];
	int r = file_pread_all(fd, sector, sizeof(sector), SHIFT_BYTES + at);

	if (!r)
		r = decrypt_sector(aes, at, sector);
	if (r < 0)
		return r;
	fill_pattern(expected, at, sizeof(expected));
	if (memcmp(sector, expected, sizeof(sector)) != 0)
		return fail(-EIO, "the payload is damaged at byte %llu", (unsigned long long)at);
	return 0;
}

static int compare_payload(const char *data, const char *key)
{
	CLEANUP_CLOSE int fd = open(data, O_RDONLY | O_CLOEXEC);
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	int r = 0;

	if (fd < 0 || !aes ||
	    EVP_DecryptInit_ex(aes, EVP_aes_256_xts(), NULL, (const uint8_t *)key, NULL) != 1)
		return fail(-EIO, "can't prepare the comparison");
	for (uint64_t at = 0; !r && at < PAYLOAD_BYTES; at += CIPHER_SECTOR_BYTES)
		r = compare_sector(fd, aes, at);
	return r;
}

int selftest_reencrypt(struct selftest *test)
{
	char header[SELFTEST_PATH_MAX], data[SELFTEST_PATH_MAX];
	char key[KEY_BYTES]; /* of a volume that lives as long as this test */
	int r = selftest_make_file(test, "reencrypt-header", SHIFT_BYTES, header);

	if (!r)
		r = selftest_make_file(test, "reencrypt-data", DEVICE_BYTES, data);
	if (!r)
		r = write_payload(data);
	if (!r)
		r = init_header(header, data, key);
	if (!r)
		r = put_header(header, data);
	if (!r)
		r = run_to_the_end(data);
	if (!r)
		r = compare_payload(data, key);
	if (!r)
		snprintf(test->detail, sizeof(test->detail), "%llu MiB",
			 (unsigned long long)(PAYLOAD_BYTES / MIB));
	return r;
}
