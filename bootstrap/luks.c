/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcryptsetup for headers and keyslots (luks_look.c: what they say, luks_token.c: tokens). Writes
 * LUKS2 headers and nothing else; activates nothing. Works with libcryptsetup 2.6 and later.
 */
#include "bootstrap/luks.h"

#include "bootstrap/luks_private.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define METADATA_BYTES (16 * KIB) /* one header copy, as place.c expects */
#define RECOVERY_ITERATIONS 4	  /* argon2id's minimum; its memory makes it expensive */
#define CLEVIS_ITERATIONS 1000	  /* what clevis itself uses: the secret has 256 random bits */
#define PBKDF_MEMORY_MIN_KIB (64 * KIB)
#define PBKDF_MEMORY_MAX_KIB (1024 * KIB)

/* The library's last error message. One thread uses the library. */
static char last_message[256];

static void keep_message(int level, const char *message, void *userdata UNUSED)
{
	if (level != CRYPT_LOG_ERROR)
		return;
	snprintf(last_message, sizeof(last_message), "%s", message);
	last_message[strcspn(last_message, "\n")] = '\0';
}

int luks_fail(int r, const struct luks_where *where, const char *what)
{
	return fail(r, "%s %s: %s", what, where->header,
		    last_message[0] ? last_message : strerror(-r));
}

int luks_init(const struct luks_where *where, struct crypt_device **ret)
{
	int r;

	crypt_set_log_callback(NULL, keep_message, NULL);
	last_message[0] = '\0';
	if (where->data)
		r = crypt_init_data_device(ret, where->header, where->data);
	else
		r = crypt_init(ret, where->header);
	return r < 0 ? luks_fail(r, where, "opening") : 0;
}

int luks_open(const struct luks_where *where, struct crypt_device **ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	r = luks_init(where, &cd);
	if (r < 0)
		return r;
	r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (r < 0)
		return luks_fail(r, where, "reading the LUKS2 header of");
	*ret = TAKE_PTR(cd);
	return 0;
}

/* --- making a header -------------------------------------------------------------------------- */

/* Fixed cost: nothing is benchmarked, so that a busy machine gets no weaker slot than a quiet one.
 */
static int set_pbkdf(struct crypt_device *cd, const char *type, uint32_t iterations,
		     uint64_t memory_kib)
{
	struct crypt_pbkdf_type pbkdf = {
		.type = type,
		.hash = "sha256",
		.iterations = iterations,
		.max_memory_kb = (uint32_t)memory_kib,
		.parallel_threads = memory_kib ? 4 : 0,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};

	return crypt_set_pbkdf_type(cd, &pbkdf);
}

int luks_cost_recovery(struct crypt_device *cd, uint64_t memory_kib)
{
	return set_pbkdf(cd, CRYPT_KDF_ARGON2ID, RECOVERY_ITERATIONS,
			 MAX(PBKDF_MEMORY_MIN_KIB, MIN(PBKDF_MEMORY_MAX_KIB, memory_kib)));
}

int luks_cost_clevis(struct crypt_device *cd)
{
	return set_pbkdf(cd, CRYPT_KDF_PBKDF2, CLEVIS_ITERATIONS, 0);
}

static int format_header(struct crypt_device *cd, const char *data,
			 const struct luks_format *format, const struct secret *volume_key)
{
	struct crypt_params_luks2 params = {
		.sector_size = format->sector_bytes,
		.data_device = data,
	};
	int r;

	r = crypt_set_metadata_size(cd, METADATA_BYTES, format->shift_bytes - 2 * METADATA_BYTES);
	if (r == 0)
		r = crypt_set_data_offset(cd, format->shift_bytes / SECTOR_BYTES);
	if (r == 0)
		r = luks_cost_recovery(cd, format->pbkdf_memory_kib);
	if (r == 0)
		r = crypt_format(cd, CRYPT_LUKS2, format->cipher->name, format->cipher->mode,
				 format->uuid, (const char *)volume_key->data, volume_key->len,
				 &params);
	return r;
}

/* A file of exactly the header's size, of its own blocks (no holes: /boot must not fill up later).
 */
static int make_file(const char *path, uint64_t bytes)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (unlink(path) < 0 && errno != ENOENT)
		return fail(-errno, "removing %s: %s", path, strerror(errno));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "making %s: %s", path, strerror(errno));
	r = posix_fallocate(fd, 0, (off_t)bytes);
	return r != 0 ? fail(-r, "making %s: %s", path, strerror(r)) : 0;
}

int luks_sync(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fail(-errno, "flushing %s: %s", path, strerror(errno));
	return 0;
}

static int fill_header(const struct luks_where *where, const struct luks_format *format,
		       const struct secret *recovery, const struct secret *volume_key)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	r = make_file(where->header, format->shift_bytes);
	if (r == 0)
		r = luks_init(where, &cd);
	if (r < 0)
		return r;
	r = format_header(cd, where->data, format, volume_key);
	if (r < 0)
		return luks_fail(r, where, "making a LUKS2 header in");
	r = crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, (const char *)recovery->data,
					    recovery->len);
	return r < 0 ? luks_fail(r, where, "making the recovery slot of") : 0;
}

int luks_random_key(const struct cipher *cipher, struct secret *ret)
{
	return secret_random(ret, cipher->key_bytes);
}

int luks_make_header(const char *file, const char *data, const struct luks_format *format,
		     const struct secret *recovery, struct secret *ret_volume_key)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY;
	CLEANUP_FREE char *part = NULL;
	CLEANUP_FREE char *folder = NULL;
	int r;

	r = text_format(&part, "%s.part", file);
	if (r == 0)
		r = text_format(&folder, "%.*s", (int)(strrchr(file, '/') - file), file);
	if (r == 0)
		r = luks_random_key(format->cipher, &volume_key);
	if (r < 0)
		return r;
	r = fill_header(&(struct luks_where){ part, data }, format, recovery, &volume_key);
	if (r == 0)
		r = luks_sync(part);
	if (r == 0 && rename(part, file) < 0)
		r = fail(-errno, "renaming %s: %s", part, strerror(errno));
	if (r == 0)
		r = file_sync_dir(folder);
	if (r < 0)
		return r;
	*ret_volume_key = volume_key;
	volume_key = SECRET_EMPTY;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* 0: pbkdf2, 1: a memory-hard one, -1: no passphrase slot (the reencryption slot has no key
 * derivation). */
static int cost_of(struct crypt_device *cd, int slot)
{
	struct crypt_pbkdf_type pbkdf;

	if (crypt_keyslot_get_pbkdf(cd, slot, &pbkdf) < 0)
		return -1;
	return strcmp(pbkdf.type, CRYPT_KDF_PBKDF2) != 0;
}

/* Asked by number: while reencrypting, slots count as unbound, and "any slot" would skip them. */
static int try_slot(struct crypt_device *cd, int slot, const struct secret *passphrase,
		    struct secret *ret)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	int size = crypt_keyslot_get_key_size(cd, slot);
	size_t len;
	int r;

	if (size <= 0)
		return -EPERM;
	r = secret_alloc(&key, (size_t)size);
	if (r < 0)
		return r;
	len = key.len;
	r = crypt_volume_key_get(cd, slot, (char *)key.data, &len, (const char *)passphrase->data,
				 passphrase->len);
	if (r < 0)
		return r;
	*ret = key;
	key = SECRET_EMPTY;
	return slot;
}

/* Cheap slots first: a Clevis secret shouldn't pay for the recovery slot's argon2id. */
int luks_open_slots(struct crypt_device *cd, uint32_t slots, const struct secret *passphrase,
		    struct secret *ret)
{
	int count = crypt_keyslot_max(CRYPT_LUKS2);

	for (int i = 0; i < 2 * count; i++) {
		int slot = i % count;
		int r;

		if (!(slots >> slot & 1) || crypt_keyslot_status(cd, slot) <= CRYPT_SLOT_INACTIVE ||
		    cost_of(cd, slot) != i / count)
			continue;
		r = try_slot(cd, slot, passphrase, ret);
		if (r != -EPERM && r != -ENOENT)
			return r;
	}
	return -EPERM;
}

int luks_open_fail(int r, const struct luks_where *where)
{
	if (r == -EPERM)
		fail_clear();
	else if (r < 0)
		luks_fail(r, where, "opening a keyslot of");
	return r;
}

int luks_try_passphrase(const struct luks_where *where, const struct secret *passphrase)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	int r = luks_open(where, &cd);

	return r < 0 ? r : luks_open_fail(luks_open_slots(cd, UINT32_MAX, passphrase, &key), where);
}

int luks_volume_key(const struct luks_where *where, const struct secret *passphrase,
		    struct secret *ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	struct luks_status status;
	int r;

	r = luks_open_status(where, &cd, &status);
	if (r < 0)
		return r;
	if (status.used_key >= LUKS_KEYS_MAX)
		return fail(-EINVAL, "%s is under a volume key that is not of this conversion",
			    where->header);
	r = luks_open_fail(luks_open_slots(cd, status.slots_of[status.used_key], passphrase, ret),
			   where);
	return r < 0 ? r : 0;
}

/* --- the active mapping ----------------------------------------------------------------------- */

int luks_resize_active(const char *name, const struct secret *volume_key)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	crypt_set_log_callback(NULL, keep_message, NULL);
	last_message[0] = '\0';
	r = crypt_init_by_name(&cd, name);
	/* The table holds the key by its name in the kernel's keyring: our process needs it there
	 * too. */
	if (r >= 0)
		r = crypt_activate_by_volume_key(cd, NULL, (const char *)volume_key->data,
						 volume_key->len, CRYPT_ACTIVATE_KEYRING_KEY);
	if (r >= 0)
		r = crypt_resize(cd, name, 0);
	if (r < 0)
		return luks_fail(r, &(struct luks_where){ name, NULL }, "resizing the mapping");
	return 0;
}
