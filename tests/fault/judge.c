/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See judge.h.
 */
#include "tests/fault/judge_private.h"

#include "bootstrap/block.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/place.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/wait.h>

#define LUKS_SECTOR_BYTES 4096
#define SUPERBLOCK_OFFSET 1024
#define SUPERBLOCK_BYTES 1024

bool judge_lost(char *ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret, JUDGE_TEXT, format, args);
	va_end(args);
	return false;
}

/* --- sets ------------------------------------------------------------------------------------- */

bool judge_set_add(struct judge_set *set, uint64_t hash)
{
	const size_t first = hash >> 16;

	hash |= 1;
	for (size_t i = first; i < first + JUDGE_SLOTS; i++) {
		uint64_t *slot = &set->slots[i % JUDGE_SLOTS], empty = 0;

		if (__atomic_compare_exchange_n(slot, &empty, hash, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return false;
		if (*slot == hash)
			return true;
	}
	die("more than %d different states", JUDGE_SLOTS);
}

bool judge_set_has(const struct judge_set *set, uint64_t hash)
{
	hash |= 1;
	for (size_t i = hash >> 16;; i++) {
		uint64_t slot = __atomic_load_n(&set->slots[i % JUDGE_SLOTS], __ATOMIC_SEQ_CST);

		if (slot == hash || !slot)
			return slot == hash;
	}
}

const char *judge_device(const struct judge *judge, char ret[static 300])
{
	snprintf(ret, 300, "%s/" MACHINE_DEVICE, judge->world->folder);
	return ret;
}

/* --- the filesystem --------------------------------------------------------------------------- */

/* Only the superblock may differ (e2fsck writes down when it looked), and then it must be sound. */
static bool is_same_filesystem(const struct judge *judge, const struct view *view, const char *path,
			       char *ret_loss)
{
	struct spawn e2fsck = { .argv = { "e2fsck", "-fn", path } };
	const struct image *want = judge->filesystem;
	bool is_other_superblock = false;

	for (uint64_t at = 0; at < judge->payload_bytes; at += IMAGE_PAGE) {
		const uint8_t *is = view->data + at, *page = want->pages[at / IMAGE_PAGE];
		size_t i = image_same(is, page, IMAGE_PAGE);

		if (at == 0 && i >= SUPERBLOCK_OFFSET && i < SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES) {
			is_other_superblock = true;
			i = SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES;
			i += image_same(is + i, page + i, IMAGE_PAGE - i);
		}
		if (i < IMAGE_PAGE)
			return judge_lost(ret_loss, "the filesystem differs at %llu",
					  (unsigned long long)at + i);
	}
	if (is_other_superblock && spawn_status(&e2fsck) != 0)
		return judge_lost(ret_loss, "e2fsck finds faults: %s", fail_text());
	return true;
}

bool judge_device_same(const struct judge *judge, char *ret_loss)
{
	char device[300];
	CLEANUP_VIEW struct view view = view_of(judge_device(judge, device));

	return is_same_filesystem(judge, &view, device, ret_loss);
}

bool judge_is_sound(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	char device[300];
	struct spawn e2fsck = { .argv = { "e2fsck", "-fn", judge_device(judge, device) } };

	return spawn_status(&e2fsck) == 0 ||
	       judge_lost(ret_loss, "booted on with a filesystem that isn't whole: %s",
			  fail_text());
}

/* --- stock ------------------------------------------------------------------------------------ */

static bool recognised_is_whole(struct judge *judge, const char *device, char *ret_loss)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	struct block_content content;
	struct luks_status status;
	char state[300];

	if (block_probe(device, &content) < 0)
		return judge_lost(ret_loss, "blkid: %s", fail_text());
	if (strcmp(content.type, "ext4") == 0)
		return judge_device_same(judge, ret_loss);
	if (strcmp(content.type, "crypto_LUKS") != 0)
		return !*content.type || judge_lost(ret_loss, "blkid calls it %s", content.type);
	if (world_volume_key(device, &key) < 0 ||
	    luks_look(&(struct luks_where){ device, NULL }, &status) < 0)
		return judge_lost(ret_loss,
				  "a LUKS2 volume is recognised, and its slot doesn't open: %s",
				  fail_text());
	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, judge->world->folder);
	if (status.encrypted_bytes && !place_has_marker(state))
		return judge_lost(ret_loss, "a chunk is encrypted, and the marker isn't durable");
	return true;
}

static bool e2fsck_leaves_it(struct judge *judge, const char *device, char *ret_loss)
{
	struct spawn e2fsck = { .argv = { "e2fsck", "-a", device }, .is_quiet = true };
	uint64_t hash = image_hash(judge->device);

	if (judge_set_has(judge->stock, hash))
		return true;
	if (spawn_status(&e2fsck) < 0)
		return judge_lost(ret_loss, "e2fsck: %s", fail_text());
	if (!image_is_stored(judge->device, device))
		return judge_lost(ret_loss, "e2fsck -a of a stock boot changed the disk");
	judge_set_add(judge->stock, hash);
	return true;
}

bool judge_stock(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	char device[300];
	bool is_good;

	judge_device(judge, device);
	is_good = e2fsck_leaves_it(judge, device, ret_loss) &&
		  recognised_is_whole(judge, device, ret_loss);
	image_store(judge->device, device); /* looking at a LUKS2 volume repairs its header */
	return is_good;
}

/* --- to the end ------------------------------------------------------------------------------- */

int judge_encrypt(const char *device)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;
	const struct luks_where where = { device, NULL };
	struct luks_status status;
	int r = world_keys(device, &key, &next);

	if (r == 0)
		r = luks_reencrypt_run(&(struct luks_run){ .device = device,
							   .volume_key = &key,
							   .next_key = next.len ? &next : NULL });
	if (r == 0)
		r = luks_look(&where, &status);
	return r < 0 || status.used_key != LUKS_NEXT_KEY ? r : luks_next_tidy(&where);
}

/* aes-xts-plain64 by OpenSSL alone: the IV is the number of the sector's first 512 bytes, little
 * endian. */
static bool decrypt(const struct judge *judge, const char *device, const char *path)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_VIEW struct view from = view_of(device);
	CLEANUP_VIEW struct view to = { NULL, 0 };
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool is_done = world_volume_key(device, &key) == 0 &&
		       from.len >= judge->shift_bytes + judge->payload_bytes &&
		       EVP_DecryptInit_ex(context, EVP_aes_256_xts(), NULL, key.data, NULL);

	image_store(judge->filesystem, path); /* for its size */
	to = view_of(path);
	for (uint64_t at = 0; is_done && at < judge->payload_bytes; at += LUKS_SECTOR_BYTES) {
		uint64_t sector = at / SECTOR_BYTES;
		uint8_t iv[16] = { 0 };
		int len = 0;

		memcpy(iv, &sector, sizeof(sector));
		is_done = EVP_DecryptInit_ex(context, NULL, NULL, NULL, iv) &&
			  EVP_DecryptUpdate(context, to.data + at, &len,
					    from.data + judge->shift_bytes + at, LUKS_SECTOR_BYTES);
	}
	EVP_CIPHER_CTX_free(context);
	return is_done;
}

/* By the distribution's own cryptsetup, for a seeded bug: repair is for a chunk that was cut, and
 * has nothing to say otherwise. */
static int run_by_stock(const char *device)
{
	struct spawn repair = { .argv = { "cryptsetup", "repair", "--batch-mode", "--key-file=-",
					  device },
				.input_text = WORLD_CLEVIS_SECRET };
	struct spawn resume = { .argv = { "cryptsetup", "reencrypt", "--resume-only",
					  "--batch-mode", "--force-offline-reencrypt",
					  "--key-file=-", device },
				.input_text = WORLD_CLEVIS_SECRET };
	struct luks_status luks;

	if (spawn_run(&repair) < 0)
		fail_clear();
	if (luks_look(&(struct luks_where){ device, NULL }, &luks) == 0 && luks.is_luks2 &&
	    !luks.is_reencrypting)
		return 0; /* that was the last chunk */
	return spawn_run(&resume);
}

/* In a child, since libcryptsetup remembers. */
static int run_to_end(const struct judge *judge, const char *device)
{
	int status = 0;
	pid_t pid;

	if (judge->is_stock_unpatched)
		return run_by_stock(device);
	pid = fork();
	if (pid == 0)
		_exit(judge_encrypt(device) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -EIO;
}

bool judge_decrypted_same(const struct judge *judge, char *ret_loss)
{
	CLEANUP_VIEW struct view view = { NULL, 0 };
	char device[300], plain[300];

	judge_device(judge, device);
	snprintf(plain, sizeof(plain), "%s/plain", judge->world->folder);
	if (!decrypt(judge, device, plain))
		return judge_lost(ret_loss, "the finished volume can't be decrypted");
	view = view_of(plain);
	return is_same_filesystem(judge, &view, plain, ret_loss);
}

bool judge_run(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	struct luks_status status = { 0 };
	char device[300];

	judge_device(judge, device);
	if (run_to_end(judge, device) < 0)
		return judge_lost(ret_loss, "the encryption can't be finished: %s", fail_text());
	if (luks_look(&(struct luks_where){ device, NULL }, &status) < 0 || !status.is_luks2 ||
	    status.is_reencrypting)
		return judge_lost(ret_loss, "the encryption isn't finished");
	if (status.used_key == LUKS_NEXT_KEY && (status.slots_of[0] || status.has_idle_clevis))
		return judge_lost(ret_loss, "what opened the old key is still there");
	return judge_decrypted_same(judge, ret_loss);
}
