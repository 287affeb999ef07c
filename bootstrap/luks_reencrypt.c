/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reencryption by libcryptsetup 2.8 or later. While a volume is converted online, parts of the root
 * are suspended inside a chunk: there, nothing may log, open a file or wait for the network. The
 * library's messages are kept in memory, all pages are locked, and the caller's callback runs
 * between chunks only.
 */
#include "bootstrap/luks_reencrypt.h"

#include "bootstrap/luks_next.h"
#include "bootstrap/luks_private.h"
#include "common/err.h"

#include <string.h>
#include <sys/mman.h>

DEFINE_CLEANUP(struct crypt_keyslot_context *, crypt_keyslot_context_free);
#define CLEANUP_KEY CLEANUP(crypt_keyslot_context_freep)

static int key_context(struct crypt_device *cd, const struct secret *volume_key,
		       struct crypt_keyslot_context **ret)
{
	int r = crypt_keyslot_context_init_by_volume_key(cd, (const char *)volume_key->data,
							 volume_key->len, ret);

	return r < 0 ? fail(r, "preparing the volume key: %s", strerror(-r)) : 0;
}

/* --- init ------------------------------------------------------------------------------------- */

static int init_segments(struct crypt_device *cd, const struct luks_where *where,
			 const struct secret *volume_key, uint64_t payload_bytes)
{
	CLEANUP_KEY struct crypt_keyslot_context *key = NULL;
	uint64_t shift_sectors = crypt_get_data_offset(cd);
	struct crypt_params_luks2 luks2 = { .sector_size = (uint32_t)crypt_get_sector_size(cd) };
	struct crypt_params_reencrypt params = {
		.mode = CRYPT_REENCRYPT_ENCRYPT,
		.direction = CRYPT_REENCRYPT_BACKWARD,
		.resilience = "datashift",
		.hash = "sha256",
		.data_shift = shift_sectors,
		.device_size = payload_bytes / SECTOR_BYTES, /* since 2.8: the payload alone */
		.luks2 = &luks2,
		.flags = CRYPT_REENCRYPT_INITIALIZE_ONLY | CRYPT_REENCRYPT_MOVE_FIRST_SEGMENT,
	};
	int r;

	r = key_context(cd, volume_key, &key);
	if (r < 0)
		return r;
	/* Slot 0 only says which digest is meant; the key itself comes from the context. */
	r = crypt_reencrypt_init_by_keyslot_context(cd, NULL, key, key, CRYPT_ANY_SLOT, 0,
						    crypt_get_cipher(cd), crypt_get_cipher_mode(cd),
						    &params);
	return r < 0 ? luks_fail(r, where, "preparing the encryption with") : 0;
}

/* What 2.6 or 2.7 would get wrong by the shift, and nobody could see later. */
static int check_segments(const struct luks_where *where, uint64_t payload_bytes)
{
	struct luks_status status;
	int r;

	r = luks_look(where, &status);
	if (r < 0)
		return r;
	if (!status.is_reencrypting || status.payload_bytes != payload_bytes ||
	    status.encrypted_bytes != 0 || status.parked_offset_bytes == 0)
		return fail(-EUCLEAN,
			    "%s: the segments add up to %llu bytes and should be %llu: nothing was "
			    "changed on the disk's first part; please report this",
			    where->header, (unsigned long long)status.payload_bytes,
			    (unsigned long long)payload_bytes);
	return 0;
}

int luks_reencrypt_init(const char *header_file, const char *data, const struct secret *volume_key,
			uint64_t payload_bytes)
{
	const struct luks_where where = { header_file, data };
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	r = luks_open(&where, &cd);
	if (r == 0)
		r = init_segments(cd, &where, volume_key, payload_bytes);
	return r < 0 ? r : check_segments(&where, payload_bytes);
}

/* In place: what a chunk held is kept whole in the keyslot area. Not "checksum": that takes a
 * sector of which a cut has left one half old and the other new for one that is done. */
static int rotate_segments(struct crypt_device *cd, const char *mapping,
			   struct crypt_keyslot_context *key, struct crypt_keyslot_context *next)
{
	struct crypt_params_luks2 luks2 = { .sector_size = (uint32_t)crypt_get_sector_size(cd) };
	struct crypt_params_reencrypt params = {
		.mode = CRYPT_REENCRYPT_REENCRYPT,
		.direction = CRYPT_REENCRYPT_FORWARD,
		.resilience = "journal",
		.luks2 = &luks2,
		.flags = CRYPT_REENCRYPT_INITIALIZE_ONLY,
	};

	return crypt_reencrypt_init_by_keyslot_context(cd, mapping, key, next, CRYPT_ANY_SLOT,
						       LUKS_NEXT_CLEVIS_SLOT, crypt_get_cipher(cd),
						       crypt_get_cipher_mode(cd), &params);
}

int luks_rotate_init(const char *device, const char *mapping, const struct secret *volume_key,
		     const struct secret *next_key)
{
	const struct luks_where where = { device, NULL };
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_KEY struct crypt_keyslot_context *key = NULL, *next = NULL;
	int r;

	r = luks_open(&where, &cd);
	if (r == 0)
		r = key_context(cd, volume_key, &key);
	if (r == 0)
		r = key_context(cd, next_key, &next);
	if (r < 0)
		return r;
	r = rotate_segments(cd, mapping, key, next);
	return r < 0 ? luks_fail(r, &where, "preparing the new volume key of") : 0;
}

/* --- run -------------------------------------------------------------------------------------- */

/* The same where the key stays. */
struct keys {
	struct crypt_keyslot_context *used, *next;
};

struct run_state {
	const struct luks_run *run;
	struct keys keys;
	uint64_t chunk_bytes;
	bool has_begun;
};

/* Called before the first chunk and after each, there with a value that doesn't count that chunk
 * yet. */
static int on_progress(uint64_t size, uint64_t offset, void *userdata)
{
	struct run_state *state = userdata;
	uint64_t done = state->has_begun ? MIN(size, offset + state->chunk_bytes) : offset;

	state->has_begun = true;
	if (!state->run->progress)
		return 0;
	return state->run->progress(done, size, state->run->userdata) ? 1 : 0;
}

/* A chunk that was cut: its source is untouched, the library writes it again. Online, the boot has
 * done it. */
static int recover(struct crypt_device *cd, const struct luks_where *where, const struct keys *keys)
{
	struct crypt_params_reencrypt params = { .flags = CRYPT_REENCRYPT_RECOVERY };
	int r;

	if (crypt_reencrypt_status(cd, NULL) != CRYPT_REENCRYPT_CRASH)
		return 0;
	r = crypt_reencrypt_init_by_keyslot_context(cd, NULL, keys->used, keys->next,
						    CRYPT_ANY_SLOT, CRYPT_ANY_SLOT, NULL, NULL,
						    &params);
	return r < 0 ? luks_fail(r, where, "finishing the cut chunk of") : 0;
}

/* The payload's sectors; 0 (let the library find out) when all of it is encrypted and its size
 * isn't written any more. Without it, progress offline would count the whole device. */
static int payload_sectors(struct crypt_device *cd, uint64_t *ret)
{
	struct luks_status status;
	int r = luks_status_of(cd, &status);

	if (r == 0)
		*ret = status.payload_bytes / SECTOR_BYTES;
	return r;
}

/* A page fault into a suspended root would wait for ourselves. Nothing is suspended yet, and the
 * chunk's buffer is there but untouched: locked any earlier, it would get no huge pages. Never
 * undone: munlockall() would unlock the secrets too. */
static int lock_memory(const struct luks_run *run)
{
	if (run->mapping && mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return fail(-errno, "locking memory: %s; encryption would not be safe without it",
			    strerror(errno));
	return 0;
}

static int resume(struct crypt_device *cd, const struct luks_where *where, struct run_state *state)
{
	struct crypt_params_reencrypt params = { .flags = CRYPT_REENCRYPT_RESUME_ONLY };
	int r;

	r = recover(cd, where, &state->keys);
	if (r < 0)
		return r;
	if (crypt_reencrypt_status(cd, NULL) == CRYPT_REENCRYPT_NONE)
		return 0; /* recovering the last chunk finished it */
	state->chunk_bytes = crypt_get_data_offset(cd) * SECTOR_BYTES;
	if (state->run->next_key) { /* all of the device; the keyslot area has room for half of S */
		state->chunk_bytes /= 2;
		params.max_hotzone_size = state->chunk_bytes / SECTOR_BYTES;
	} else {
		r = payload_sectors(cd, &params.device_size);
	}
	if (r < 0)
		return r;
	r = crypt_reencrypt_init_by_keyslot_context(cd, state->run->mapping, state->keys.used,
						    state->keys.next, CRYPT_ANY_SLOT,
						    CRYPT_ANY_SLOT, NULL, NULL, &params);
	if (r < 0)
		return luks_fail(r, where, "resuming the encryption of");
	r = lock_memory(state->run);
	if (r < 0)
		return r;
	r = crypt_reencrypt_run(cd, on_progress, state);
	return r < 0 ? luks_fail(r, where, "encrypting") : 0;
}

int luks_finish_chunk(const char *device, const struct secret *volume_key,
		      const struct secret *next_key)
{
	const struct luks_where where = { device, NULL };
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_KEY struct crypt_keyslot_context *key = NULL, *next = NULL;
	int r;

	r = luks_open(&where, &cd);
	if (r == 0)
		r = key_context(cd, volume_key, &key);
	if (r == 0 && next_key)
		r = key_context(cd, next_key, &next);
	return r < 0 ? r : recover(cd, &where, &(struct keys){ key, next ? next : key });
}

int luks_reencrypt_run(const struct luks_run *run)
{
	const struct luks_where where = { run->device, NULL };
	struct run_state state = { .run = run };
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_KEY struct crypt_keyslot_context *key = NULL, *next = NULL;
	int r;

	r = luks_open(&where, &cd);
	if (r == 0)
		r = key_context(cd, run->volume_key, &key);
	if (r == 0 && run->next_key)
		r = key_context(cd, run->next_key, &next);
	state.keys = (struct keys){ key, next ? next : key };
	if (r == 0 && crypt_reencrypt_status(cd, NULL) != CRYPT_REENCRYPT_NONE)
		r = resume(cd, &where, &state);
	if (r < 0)
		return r;
	return crypt_reencrypt_status(cd, NULL) == CRYPT_REENCRYPT_NONE ? 0 : LUKS_RUN_STOPPED;
}

unsigned luks_library_version(void)
{
	return 0x020800; /* or later: the Makefile doesn't compile this file with an older one */
}
