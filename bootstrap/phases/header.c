/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `header`: makes the LUKS2 header that will stand on the root partition, as a file, with both
 * slots and the Clevis token, and proves that each opens it. Writes to the state folder alone;
 * talks to the server.
 */
#include "bootstrap/block.h"
#include "bootstrap/destroy.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/phase.h"
#include "bootstrap/recovery.h"
#include "bootstrap/unlock.h"
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/jwk.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CLEVIS_SECRET_BYTES 32
#define PASSPHRASE_MIN_CHARS 8
#define PASSPHRASE_MAX_BYTES 512
#define CLEVIS_TIMEOUT_S 90
#define NEW_FILE HEADER_FILE ".new"

/* --- done ------------------------------------------------------------------------------------- */

static bool is_ours(const struct luks_where *where, const char *luks_uuid)
{
	CLEANUP_JSON json_t *jwe = NULL;
	struct luks_status status;
	int slot;

	if (luks_look(where, &status) < 0 || !status.is_luks2 ||
	    strcmp(status.uuid, luks_uuid) != 0 || status.slot_count < 2)
		return false;
	return luks_clevis_jwe(where, &jwe, &slot) == 0;
}

static bool has_copy(const char *state_dir, const char *luks_uuid)
{
	CLEANUP_FREE char *path = NULL;

	if (text_format(&path, "%s/%s", state_dir, HEADER_FILE) < 0 || !file_exists(path))
		return false;
	return is_ours(&(struct luks_where){ path, NULL }, luks_uuid);
}

/* The copy moves to the new /boot, and at the end the header stands on the device itself. */
static int header_done(struct job *job)
{
	char device[FACTS_PATH_MAX];
	bool is_done;

	is_done = has_copy(job->state_dir, job->intent.luks_uuid) ||
		  has_copy(BOOT_STATE_DIR, job->intent.luks_uuid) ||
		  block_find("UUID", job->intent.luks_uuid, device, sizeof(device)) == 0;
	fail_clear();
	return is_done;
}

/* --- run -------------------------------------------------------------------------------------- */

static int get_passphrase(const struct job *job, struct secret *ret)
{
	const char *path = job->config->recovery_passphrase_file;
	int r;

	if (strcmp(job->intent.recovery, "generated") == 0)
		return recovery_generate(ret);
	if (!path)
		return fail(-EINVAL,
			    "the recovery passphrase is to come from a file: run again with "
			    "--recovery-passphrase-file");
	r = secret_read_file(ret, path, PASSPHRASE_MAX_BYTES);
	if (r < 0)
		return r;
	secret_trim_newline(ret);
	if (ret->len < PASSPHRASE_MIN_CHARS)
		return fail(-EINVAL,
			    "the recovery passphrase in %s has fewer than %d characters: "
			    "choose a longer one",
			    path, PASSPHRASE_MIN_CHARS);
	return 0;
}

/* 4096-byte sectors halve the work of encryption; the filesystem's blocks and the device must be
 * multiples of them. */
static unsigned choose_sector_bytes(const struct job *job, uint64_t device_bytes)
{
	uint64_t root_bytes = job->intent.root_bytes ? job->intent.root_bytes : device_bytes;
	struct statvfs root;
	bool is_carved = job->intent.boot_bytes > 0; /* its new size is a multiple of 1 MiB */

	if (statvfs("/", &root) < 0 || root.f_bsize % 4096 != 0)
		return 512;
	return is_carved || root_bytes % 4096 == 0 ? 4096 : 512;
}

/* Growing leaves a partition of any number of 512-byte sectors, for which the library refuses
 * larger ones; `carve` cuts it to a fitting size. Until then a sparse file stands in for it: the
 * header doesn't remember its data device. */
static int make_header_for_later(const char *file, const struct luks_format *format,
				 const struct secret *passphrase, struct secret *ret_volume_key)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_FREE char *stand_in = NULL;
	int r;

	r = text_format(&stand_in, "%s.data", file);
	if (r < 0)
		return r;
	fd = open(stand_in, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(4 * format->shift_bytes)) < 0)
		return fail(-errno, "%s: %s", stand_in, strerror(errno));
	r = luks_make_header(file, stand_in, format, passphrase, ret_volume_key);
	if (unlink(stand_in) < 0 && r == 0)
		r = fail(-errno, "%s: %s", stand_in, strerror(errno));
	return r;
}

/* What the recovery slot's argon2id may take at each boot. */
static uint64_t pbkdf_kib(const struct job *job)
{
	return job->facts->memory_bytes / KIB / 8;
}

static int make_header(const struct job *job, const char *file, const struct secret *passphrase,
		       struct secret *ret_volume_key)
{
	char device[FACTS_PATH_MAX];
	uint64_t device_bytes = 0;
	struct luks_format format = {
		.uuid = job->intent.luks_uuid,
		.cipher = cipher_find(job->intent.cipher),
		.shift_bytes = job->intent.shift_bytes,
		.pbkdf_memory_kib = pbkdf_kib(job),
	};
	int r;

	r = block_find("PARTUUID", job->intent.root_partuuid, device, sizeof(device));
	if (r == -ENODEV)
		return fail(r, "the root partition %s is not there", job->intent.root_partuuid);
	if (r == 0)
		r = block_size(device, &device_bytes);
	if (r < 0)
		return r;
	format.sector_bytes = choose_sector_bytes(job, device_bytes);
	if (device_bytes % format.sector_bytes == 0)
		return luks_make_header(file, device, &format, passphrase, ret_volume_key);
	return make_header_for_later(file, &format, passphrase, ret_volume_key);
}

/* The server's keys for this device, vouched for by the thumbprint that enrollment gave. */
static int fetch_keys(const struct job *job, json_t **ret)
{
	const struct intent *intent = &job->intent;
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_FREE char *url = NULL;
	int r;

	r = text_format(&url, "%s/adv", intent->device_url);
	if (r == 0)
		r = http_exchange(&(struct http_request){ .method = "GET",
							  .url = url,
							  .ca_file = intent->ca_file[0]
									     ? intent->ca_file
									     : NULL },
				  &answer);
	if (r == 0)
		r = http_answer_check(&answer, "fetching the device's keys");
	if (r == 0)
		r = js_parse(answer.body, answer.body_len, JSON_TEXT_MAX, &jws);
	if (r == 0)
		r = jwk_verify_advertisement(jws, intent->thumbprint, ret);
	return r < 0 ? fail_at(r, "%s", url ? url : "header") : 0;
}

/* 256 random bits as text, as clevis makes them: they also can be typed or piped. */
static int make_secret(struct secret *ret)
{
	CLEANUP_SECRET struct secret random = SECRET_EMPTY;
	char *text = NULL;
	int r;

	r = secret_random(&random, CLEVIS_SECRET_BYTES);
	if (r == 0)
		r = b64url_encode(random.data, random.len, &text);
	if (r < 0)
		return r;
	r = secret_copy(ret, text, strlen(text));
	secret_wipe(text, strlen(text));
	free(text);
	return r;
}

/* What goes into the header, beside its first volume key. */
struct content {
	struct secret passphrase, clevis_secret, next_key;
	json_t *jwe; /* of clevis_secret */
};

static void content_done(struct content *content)
{
	secret_done(&content->passphrase);
	secret_done(&content->clevis_secret);
	secret_done(&content->next_key);
	json_decref(content->jwe);
}

static int make_content(const struct job *job, struct content *content)
{
	CLEANUP_JSON json_t *keys = NULL;
	int r;

	r = get_passphrase(job, &content->passphrase);
	if (r == 0)
		r = fetch_keys(job, &keys);
	if (r == 0)
		r = make_secret(&content->clevis_secret);
	if (r == 0)
		r = jwk_seal_tang(job->intent.device_url, keys, &content->clevis_secret,
				  &content->jwe);
	if (r == 0 && job->intent.rotate_after)
		r = luks_random_key(cipher_find(job->intent.cipher), &content->next_key);
	return r;
}

static int opens(const struct job *job, const struct luks_where *where,
		 const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret used = SECRET_EMPTY, next = SECRET_EMPTY;
	int r = luks_try_passphrase(where, passphrase);

	if (r < 0 || !job->intent.rotate_after)
		return r;
	return luks_both_keys(where, passphrase, &used, &next);
}

/* Both slots, as they will be used: the one by the passphrase, the other by clevis and the server.
 * And those of the next volume key. */
static int prove(const struct job *job, const struct luks_where *where,
		 const struct secret *passphrase)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = opens(job, where, passphrase);
	if (r < 0)
		return r == -EPERM ? fail(r, "the recovery passphrase doesn't open the new header")
				   : r;
	r = unlock_clevis(where, CLEVIS_TIMEOUT_S, &secret);
	if (r < 0)
		return r;
	r = opens(job, where, &secret);
	if (r == -EPERM)
		return fail(r, "what the server unlocked doesn't open the new header");
	return r < 0 ? r : 0;
}

/* Sealed under the key that the disk will have when it is opened (`verify`): who has seen the first
 * one must not get at the passphrase by it. */
static int seal_passphrase(const struct luks_where *where, const struct content *content,
			   const struct secret *volume_key)
{
	return recovery_seal(where, content->next_key.len ? &content->next_key : volume_key,
			     &content->passphrase);
}

static int add_next(const struct job *job, const struct luks_where *where,
		    const struct content *content)
{
	return luks_next_add(where, &(struct luks_next){ .key = &content->next_key,
							 .recovery = &content->passphrase,
							 .clevis_secret = &content->clevis_secret,
							 .jwe = content->jwe,
							 .pbkdf_memory_kib = pbkdf_kib(job) });
}

static int fill(const struct job *job, const struct luks_where *where)
{
	CLEANUP(content_done) struct content content = { .jwe = NULL };
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY;
	int r;

	if (!cipher_find(job->intent.cipher))
		return fail(-EINVAL, "the intent's cipher \"%s\" is none that this version knows",
			    job->intent.cipher);
	r = make_content(job, &content);
	if (r == 0)
		r = make_header(job, where->header, &content.passphrase, &volume_key);
	if (r == 0)
		r = wiped_set_pending(where);
	if (r == 0 && strcmp(job->intent.recovery, "generated") == 0)
		r = seal_passphrase(where, &content, &volume_key);
	if (r == 0)
		r = luks_bind_clevis(where, &volume_key, &content.clevis_secret, content.jwe);
	if (r == 0 && job->intent.rotate_after)
		r = add_next(job, where, &content);
	if (r == 0)
		r = prove(job, where, &content.passphrase);
	return r;
}

static int header_run(struct job *job)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *new_path = NULL;
	int r;

	r = text_format(&path, "%s/%s", job->state_dir, HEADER_FILE);
	if (r == 0)
		r = text_format(&new_path, "%s/%s", job->state_dir, NEW_FILE);
	if (r == 0)
		r = file_mkdirs(job->state_dir, 0700);
	if (r == 0)
		r = fill(job, &(struct luks_where){ new_path, NULL });
	if (r < 0)
		return r;
	if (rename(new_path, path) < 0)
		return fail(-errno, "renaming %s: %s", new_path, strerror(errno));
	log_info("the header copy is made; recovery passphrase and server both open it");
	return file_sync_dir(job->state_dir);
}

static int header_undo(struct job *job)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *new_path = NULL;
	int r;

	r = text_format(&path, "%s/%s", job->state_dir, HEADER_FILE);
	if (r == 0)
		r = text_format(&new_path, "%s/%s", job->state_dir, NEW_FILE);
	if (r == 0)
		r = destroy_file(new_path);
	return r < 0 ? r : destroy_file(path);
}

const struct phase phase_header = {
	.name = "header",
	.place = PHASE_RUNNING,
	.done = header_done,
	.run = header_run,
	.undo = header_undo,
	.power_cut = "a plain system; header.img is whole and proven, or not there: run again",
};
