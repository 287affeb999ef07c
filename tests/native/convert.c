/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conversion of one file-backed device, step by step, for the scripts beside this file: the
 * code of bootstrap/ with libcryptsetup 2.8, without device-mapper. Linked statically like the
 * release; never part of it. --help is main()'s table.
 */
#include "bootstrap/free_space.h"
#include "bootstrap/hot_chunk.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/place.h"
#include "bootstrap/recovery.h"
#include "bootstrap/region.h"
#include "bootstrap/rotate.h"
#include "bootstrap/wiped.h"
#include "bootstrap/worker.h"
#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define PASSPHRASE "correct horse battery staple"
#define CLEVIS_SECRET "opens the cheap slot, so that a thousand runs don't pay for argon2id"
#define CUT_STATUS 42

static const char *cut_at;
static uint64_t shift_bytes = 16 * MIB; /* SHIFT_MIB in the environment, for measuring */
/* LUKS_UUID there: libcryptsetup lets one process on this machine encrypt a volume of that name */
static const char *luks_uuid = "5a1e7c0d-0000-4000-8000-00000000c0de";

static int usage(void)
{
	return fail(-EINVAL, "usage: convert points | header DIR DEVICE [URL ADVERTISEMENT] | "
			     "place DIR DEVICE BYTES [POINT] | run DEVICE [CHUNKS|cut-at-end] | "
			     "work DEVICE [BYTES] | look DEVICE | "
			     "rotate DEVICE [CHUNKS|cut-at-end|work] | finish-chunk DEVICE | "
			     "decrypt DEVICE BYTES OUT | wipe DEVICE BYTES [HOW [STEPS]] | "
			     "recovery DEVICE FILE");
}

static void reached(const char *point)
{
	if (cut_at && strcmp(point, cut_at) == 0)
		_exit(CUT_STATUS);
}

/* --- power cuts ------------------------------------------------------------------------------- */
/* Linked with --wrap: every flush of the whole program, libcryptsetup's too, comes here first. */

int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

static uint64_t flushes_left; /* 0: no cut */

static void count_flush(void)
{
	if (flushes_left && --flushes_left == 0)
		_exit(CUT_STATUS);
}

int __wrap_fsync(int fd)
{
	count_flush();
	return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
	count_flush();
	return __real_fdatasync(fd);
}

static int volume_key_of(const char *header, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = secret_copy(&secret, CLEVIS_SECRET, strlen(CLEVIS_SECRET));
	return r < 0 ? r : luks_volume_key(&(struct luks_where){ header, NULL }, &secret, ret);
}

static int number(const char *text, uint64_t *ret)
{
	int r = text_u64(text, ret);

	return r < 0 ? fail(r, "%s is no number", text) : 0;
}

static int do_points(char **args UNUSED)
{
	for (size_t i = 0; place_points[i]; i++)
		puts(place_points[i]);
	return 0;
}

/* The JWE of a server's advertisement in a file, or one that no server opens. */
static int make_jwe(const char *url, const char *advertisement, const struct secret *secret,
		    json_t **ret)
{
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *keys = NULL;
	int r;

	if (!url) {
		*ret = json_pack("{s:s}", "protected", "not a real one");
		return 0;
	}
	r = js_read_file(advertisement, JSON_TEXT_MAX, &jws);
	if (r == 0)
		r = jwk_verify_advertisement(jws, NULL, &keys);
	return r < 0 ? r : jwk_seal_tang(url, keys, secret, ret);
}

/* With NEXT_KEY in the environment the header has the slots for another volume key. */
static int bind(const struct luks_where *where, const struct secret *key,
		const struct secret *recovery, char **args)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, next_key = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = NULL;
	int r;

	r = secret_copy(&secret, CLEVIS_SECRET, strlen(CLEVIS_SECRET));
	if (r == 0)
		r = make_jwe(args[0], args[0] ? args[1] : NULL, &secret, &jwe);
	if (r == 0)
		r = luks_bind_clevis(where, key, &secret, jwe);
	if (r < 0 || !getenv("NEXT_KEY"))
		return r;
	r = luks_random_key(cipher_default(), &next_key);
	return r < 0 ? r
		     : luks_next_add(where, &(struct luks_next){ &next_key, recovery, &secret, jwe,
								 64 * KIB });
}

static int do_header(char **args)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, key = SECRET_EMPTY;
	CLEANUP_FREE char *path = NULL;
	const struct luks_format format = { luks_uuid, cipher_default(), shift_bytes, 4096,
					    64 * KIB };
	struct luks_where where;
	int r;

	r = text_format(&path, "%s/header.img", args[0]);
	if (r == 0)
		r = secret_copy(&secret, PASSPHRASE, strlen(PASSPHRASE));
	if (r == 0)
		r = luks_make_header(path, args[1], &format, &secret, &key);
	if (r < 0)
		return r;
	where = (struct luks_where){ path, NULL };
	r = wiped_set_pending(&where);
	if (r == 0)
		r = recovery_seal(&where, &key, &secret);
	return r < 0 ? r : bind(&where, &key, &secret, args + 2);
}

/* What the boot step does, reduced to what this test needs: with a header.post, the head is not the
 * filesystem's. */
static int do_place(char **args)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_FREE char *image = NULL;
	CLEANUP_FREE char *post = NULL;
	struct place place = { .device = args[1],
			       .state_dir = args[0],
			       .shift_bytes = shift_bytes,
			       .luks_uuid = luks_uuid,
			       .reached = reached };
	int r;

	cut_at = args[3];
	r = number(args[2], &place.payload_bytes);
	if (r == 0)
		r = text_format(&image, "%s/header.img", args[0]);
	if (r == 0)
		r = text_format(&post, "%s/header.post", args[0]);
	if (r == 0)
		r = volume_key_of(image, &key);
	if (r == 0 && !file_exists(post))
		r = place_park(&place, &key);
	if (r == 0 && !place_has_marker(args[0]))
		r = place_write(&place);
	return r < 0 ? r : place_first_chunk(&place, &key);
}

struct until {
	uint64_t bytes;
	bool is_cut_at_end; /* after the last chunk and before the teardown */
};

static bool after_some(uint64_t done_bytes, uint64_t total_bytes, void *userdata)
{
	const struct until *until = userdata;

	if (until->is_cut_at_end && done_bytes == total_bytes)
		_exit(CUT_STATUS);
	return done_bytes >= until->bytes;
}

static int read_until(const char *text, struct until *ret)
{
	struct until until = { UINT64_MAX, false };
	int r = 0;

	if (text && strcmp(text, "cut-at-end") == 0)
		until.is_cut_at_end = true;
	else if (text)
		r = number(text, &until.bytes);
	if (until.bytes != UINT64_MAX)
		until.bytes *= shift_bytes;
	*ret = until;
	return r;
}

static int do_run(char **args)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	struct until until;
	int r = read_until(args[1], &until);

	if (r == 0)
		r = volume_key_of(args[0], &key);
	if (r < 0)
		return r;
	r = luks_reencrypt_run(&(struct luks_run){ .device = args[0],
						   .volume_key = &key,
						   .progress = after_some,
						   .userdata = &until });
	if (r >= 0)
		puts(r == LUKS_RUN_STOPPED ? "stopped" : "finished");
	return r;
}

static void work_tick(const struct worker_view *view, struct worker_wishes *ret_wishes,
		      void *userdata)
{
	const uint64_t *until_bytes = userdata;

	if (*until_bytes != UINT64_MAX) /* slowly, so that there is a chunk to stop behind */
		ret_wishes->wish.max_bytes_per_s = 32 * MIB;
	ret_wishes->is_stop_wanted = view->done_bytes >= *until_bytes;
}

/* The run as the phase `encrypt` does it, by guard and worker, but offline. */
static int do_work(char **args)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	uint64_t until_bytes = UINT64_MAX;
	int r = 0;

	if (args[1])
		r = number(args[1], &until_bytes);
	if (r == 0)
		r = volume_key_of(args[0], &key);
	if (r < 0)
		return r;
	r = worker_run(&(struct worker_run){ .device = args[0],
					     .volume_key = &key,
					     .tick = work_tick,
					     .userdata = &until_bytes });
	if (r >= 0)
		puts(r == WORKER_STOPPED ? "stopped" : "finished");
	return r;
}

static int both_keys(const char *device, struct secret *ret_used, struct secret *ret_next)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = secret_copy(&secret, CLEVIS_SECRET, strlen(CLEVIS_SECRET));
	return r < 0 ? r
		     : luks_both_keys(&(struct luks_where){ device, NULL }, &secret, ret_used,
				      ret_next);
}

static int rotate_chunks(char **args, enum rotate_step step)
{
	CLEANUP_SECRET struct secret used = SECRET_EMPTY, next = SECRET_EMPTY;
	bool is_worker = args[1] && strcmp(args[1], "work") == 0;
	uint64_t no_end = UINT64_MAX;
	struct until until;
	int r;

	r = read_until(is_worker ? NULL : args[1], &until);
	if (r == 0)
		r = both_keys(args[0], &used, &next);
	if (r == 0 && step == ROTATE_BEGIN)
		r = luks_rotate_init(args[0], NULL, &used, &next);
	if (r < 0)
		return r;
	if (is_worker)
		return worker_run(&(struct worker_run){ .device = args[0],
							.volume_key = &used,
							.next_key = &next,
							.tick = work_tick,
							.userdata = &no_end });
	return luks_reencrypt_run(&(struct luks_run){ .device = args[0],
						      .volume_key = &used,
						      .next_key = &next,
						      .progress = after_some,
						      .userdata = &until });
}

/* The phase `rotate`, offline. */
static int do_rotate(char **args)
{
	const struct luks_where where = { args[0], NULL };
	enum rotate_step step = ROTATE_DONE;
	struct luks_status status;
	int r;

	r = luks_look(&where, &status);
	if (r == 0)
		r = rotate_decide(&status, &step);
	if (r == 0 && (step == ROTATE_BEGIN || step == ROTATE_GO_ON))
		r = rotate_chunks(args, step);
	if (r == 0 && step != ROTATE_DONE)
		r = luks_next_tidy(&where);
	if (r >= 0)
		puts(r > 0 ? "stopped" : "finished");
	return r;
}

/* What the boot step does before the distribution opens the volume. */
static int do_finish_chunk(char **args)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = secret_copy(&secret, CLEVIS_SECRET, strlen(CLEVIS_SECRET));
	if (r == 0)
		r = hot_chunk_finish(&(struct luks_where){ args[0], NULL }, &secret);
	if (r >= 0)
		puts(r == HOT_CHUNK_FINISHED ? "finished" : "nothing");
	return r;
}

static int do_look(char **args)
{
	struct luks_where where = { args[0], NULL };
	struct luks_status status;
	int r;

	r = luks_look(&where, &status);
	if (r == 0)
		printf("luks2=%d reencrypting=%d first=%d offset=%llu payload=%llu encrypted=%llu "
		       "slots=%u tokens=%u unwiped=%d rotating=%d hot=%d key=%u\n",
		       status.is_luks2, status.is_reencrypting, status.is_first_chunk_done,
		       (unsigned long long)status.data_offset_bytes,
		       (unsigned long long)status.payload_bytes,
		       (unsigned long long)status.encrypted_bytes, status.slot_count,
		       status.token_count, status.is_luks2 ? wiped_is_pending(&where) : 0,
		       status.is_rotating, status.has_hot_chunk, status.used_key);
	return r;
}

/* aes-xts-plain64 by OpenSSL alone: the IV is the number of the sector's first 512 bytes, little
 * endian. */
static int decrypt_sector(EVP_CIPHER_CTX *context, const struct secret *key, uint64_t at,
			  uint8_t *data)
{
	uint8_t iv[16] = { 0 };
	uint64_t number512 = at / SECTOR_BYTES;
	int len = 0;

	for (size_t i = 0; i < 8; i++)
		iv[i] = (uint8_t)(number512 >> (8 * i));
	if (!EVP_DecryptInit_ex(context, EVP_aes_256_xts(), NULL, key->data, iv) ||
	    !EVP_DecryptUpdate(context, data, &len, data, 4096) || len != 4096)
		return fail(-EIO, "OpenSSL doesn't decrypt");
	return 0;
}

static int do_decrypt(char **args)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	CLEANUP_CLOSE int from = open(args[0], O_RDONLY);
	CLEANUP_CLOSE int to = open(args[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint64_t payload = 0;
	uint8_t data[4096];
	int r;

	r = number(args[1], &payload);
	if (r == 0)
		r = volume_key_of(args[0], &key);
	for (uint64_t at = 0; r == 0 && at < payload; at += sizeof(data)) {
		r = file_pread_all(from, data, sizeof(data), shift_bytes + at);
		if (r == 0)
			r = decrypt_sector(context, &key, at, data);
		if (r == 0)
			r = file_write_all(to, data, sizeof(data));
	}
	EVP_CIPHER_CTX_free(context);
	return r;
}

static bool wipe_between(uint64_t done_bytes UNUSED, uint64_t step_bytes, void *userdata)
{
	uint64_t *steps_left = userdata;

	return step_bytes > 0 && --*steps_left == 0;
}

/* The phase `wipe`, without its mounted filesystem: BYTES is the filesystem's size. */
static int do_wipe(char **args)
{
	CLEANUP_CLOSE int fd = -1;
	uint64_t device_bytes = 0, filesystem_bytes = 0, steps = UINT64_MAX;
	struct free_space_run run = { .how = free_space_find(args[2] ? args[2] : "zero"),
				      .where = { args[0], NULL },
				      .between = wipe_between,
				      .userdata = &steps };
	int r;

	if (!run.how)
		return fail(-EINVAL, "no such way: %s", args[2]);
	r = region_open(args[0], O_WRONLY, &fd);
	if (r == 0)
		r = region_size(fd, &device_bytes);
	if (r == 0)
		r = number(args[1], &filesystem_bytes);
	if (r == 0 && args[2] && args[3])
		r = number(args[3], &steps);
	if (r == 0)
		r = wiped_range(device_bytes, shift_bytes, filesystem_bytes, filesystem_bytes,
				&run.range);
	run.fd = fd;
	if (r == 0)
		r = free_space_destroy(&run);
	if (r == FREE_SPACE_STOPPED)
		puts("stopped");
	return r != 0 ? MIN(r, 0) : wiped_set_done(&run.where);
}

static int do_recovery(char **args)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, text = SECRET_EMPTY;
	struct luks_where where = { args[0], NULL };
	int r;

	r = volume_key_of(args[0], &key);
	if (r == 0)
		r = recovery_open(&where, &key, &text);
	if (r == 0)
		r = recovery_write_file(args[1], &text);
	return r < 0 ? r : recovery_forget(&where);
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int least, most;
} verbs[] = {
	{ "points", do_points, 0, 0 },
	{ "header", do_header, 2, 4 },
	{ "place", do_place, 3, 4 },
	{ "run", do_run, 1, 2 },
	{ "work", do_work, 1, 2 },
	{ "look", do_look, 1, 1 },
	{ "decrypt", do_decrypt, 3, 3 },
	{ "wipe", do_wipe, 2, 4 },
	{ "recovery", do_recovery, 2, 2 },
	{ "rotate", do_rotate, 1, 2 },
	{ "finish-chunk", do_finish_chunk, 1, 1 },
};

int main(int argc, char **argv)
{
	const char *cut = getenv("CUT_AT_FLUSH"), *shift = getenv("SHIFT_MIB");
	int r = -EINVAL;

	if (argc > 1 && strcmp(argv[1], WORKER_WORD) == 0)
		return worker_main(argc, argv);
	if (shift && text_u64(shift, &shift_bytes) == 0)
		shift_bytes *= MIB;
	luks_uuid = getenv("LUKS_UUID") ?: luks_uuid;
	if (cut && text_u64(cut, &flushes_left) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (argc > 1 && strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least &&
		    argc - 2 <= verbs[i].most)
			r = verbs[i].run(argv + 2);
	if (argc < 2 || (r == -EINVAL && !fail_text()[0]))
		r = usage();
	if (r < 0)
		fprintf(stderr, "convert: %s\n", fail_text()[0] ? fail_text() : strerror(-r));
	return r < 0 ? 1 : 0;
}
