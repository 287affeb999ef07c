/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libcryptsetup, for everything but reencryption (luks_reencrypt.h). A LUKS2 volume is
 * named by its header (a file or a device) and, when detached, its data device. Never activates
 * anything: the distribution's own cryptsetup does that.
 */
#pragma once

#include "bootstrap/cipher.h"
#include "common/json.h"
#include "common/secret.h"

struct luks_where {
	const char *header; /* file or device */
	const char *data;   /* NULL when the header stands at the head of the device */
};

struct luks_format {
	const char *uuid;
	const struct cipher *cipher;
	uint64_t shift_bytes;	   /* data offset S */
	unsigned sector_bytes;	   /* 4096, or 512 where the device or filesystem needs it */
	uint64_t pbkdf_memory_kib; /* bound of the recovery slot's argon2id */
};

/* Makes a LUKS2 header of S bytes in a new file, with the recovery passphrase in slot 0. Returns
 * the volume key. The file is replaced atomically only when complete and durable. */
int luks_make_header(const char *file, const char *data, const struct luks_format *format,
		     const struct secret *recovery, struct secret *ret_volume_key) MUST_CHECK;

/* Bytes for a volume key of the cipher. */
int luks_random_key(const struct cipher *cipher, struct secret *ret) MUST_CHECK;

/* How many bytes a second the running kernel encrypts, or decrypts if that is slower; takes
 * four seconds. -ENOENT where it doesn't know the cipher, -ENOTSUP where it can't be asked. */
int luks_cipher_rate(const struct cipher *cipher, uint64_t *ret) MUST_CHECK;

/* Adds the Clevis slot (cheap PBKDF2: the secret has full entropy) and its `clevis` token with the
 * flattened JWE. */
int luks_bind_clevis(const struct luks_where *where, const struct secret *volume_key,
		     const struct secret *secret, const json_t *jwe) MUST_CHECK;

/* The flattened JWE of the (first) clevis token; -ENOENT without a sentence when there is none. The
 * caller owns it. */
int luks_clevis_jwe(const struct luks_where *where, json_t **ret_jwe, int *ret_slot) MUST_CHECK;

/* Tokens of our own (types "panocrypt-…"), one of each type: set (replaced), read and removed (0
 * when there is none). luks_token_get: -ENOENT without a sentence. None of it works while the
 * volume is being reencrypted. */
int luks_token_set(const struct luks_where *where, const json_t *token) MUST_CHECK;
int luks_token_get(const struct luks_where *where, const char *type, json_t **ret) MUST_CHECK;
int luks_token_remove(const struct luks_where *where, const char *type) MUST_CHECK;

/* Does this passphrase open a slot? Returns the slot number (>= 0), -EPERM without a sentence when
 * none. */
int luks_try_passphrase(const struct luks_where *where, const struct secret *passphrase) MUST_CHECK;

/* The volume key that the data is under, by a passphrase; -EPERM as above. While the volume gets
 * another key, this is the old one. */
int luks_volume_key(const struct luks_where *where, const struct secret *passphrase,
		    struct secret *ret) MUST_CHECK;

#define LUKS_KEYS_MAX 2 /* the one that a conversion begins with, and the one it may change to */

/* What stands there. All fields zero/"" when it isn't LUKS2 (ret is_luks2 = false, result 0). */
struct luks_status {
	bool is_luks2;
	char uuid[37];
	bool is_reencrypting;	      /* requirement flag set */
	bool is_rotating;	      /* … from one volume key to another */
	bool is_first_chunk_done;     /* at least one segment is encrypted */
	char cipher[48];	      /* of what is encrypted; "" if nothing is yet */
	bool has_hot_chunk;	      /* one is under way; if nobody is at it, it was cut */
	uint64_t data_offset_bytes;   /* S */
	uint64_t payload_bytes;	      /* sum of the mapped segments; 0 when dynamic */
	uint64_t encrypted_bytes;     /* of the payload; while rotating, by the new key */
	uint64_t parked_offset_bytes; /* of the moved head while reencrypting; 0: none */
	unsigned slot_count, token_count;
	unsigned used_key;		  /* as luks_volume_key(); LUKS_KEYS_MAX: none of ours */
	uint32_t slots_of[LUKS_KEYS_MAX]; /* bit n: passphrase slot n opens this volume key */
	uint32_t other_slots;		  /* passphrase slots of no such key */
	bool has_idle_clevis;		  /* a clevis token with no slot of the used key */
};
int luks_look(const struct luks_where *where, struct luks_status *ret) MUST_CHECK;

/* The salts of all keyslots and digests as they stand (base64 text) in the header, for the search
 * after `leave`. */
#define LUKS_SALTS_MAX 16
#define LUKS_SALT_SIZE 96
struct luks_salts {
	char salts[LUKS_SALTS_MAX][LUKS_SALT_SIZE];
	size_t count;
};
int luks_salts(const struct luks_where *where, struct luks_salts *ret) MUST_CHECK;

/* Size of header and keyslot areas in bytes (what `place` copies). */
int luks_header_bytes(const struct luks_where *where, uint64_t *ret) MUST_CHECK;

/* Resizes the active mapping to the whole device (grow); needs the volume key. */
int luks_resize_active(const char *name, const struct secret *volume_key) MUST_CHECK;

/* libcryptsetup's version, as 0x020800 for 2.8.0. */
unsigned luks_library_version(void);
