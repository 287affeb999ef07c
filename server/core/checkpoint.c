/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making checkpoints, and the witness. The signing key is read anew for each: it is needed every
 * ten minutes, and is then in no memory of ours. checkpoint_verify.c judges.
 */
#include "server/core/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/file.h"
#include "common/jwk.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/core/checkpoint_internal.h"
#include "server/core/witness.h"

#define KEY_MAX_BYTES 4096

void checkpoints_close(struct checkpoints *checkpoints)
{
	if (checkpoints->witness_fd >= 0)
		close(checkpoints->witness_fd);
	free(checkpoints);
}

/* --- the key --------------------------------------------------------------------------------- */

static int write_key(const json_t *key, const char *path, mode_t mode)
{
	CLEANUP_FREE char *text = NULL;
	int r = js_print(key, &text);

	if (r == 0)
		r = file_replace_text(path, text, mode);
	if (text)
		secret_wipe(text, strlen(text));
	return r;
}

int checkpoint_key_create(const char *dir)
{
	CLEANUP_JWK json_t *key = NULL;
	CLEANUP_JSON json_t *public = NULL;
	char path[CONFIG_PATH_SIZE];
	int r;

	r = jwk_generate("ES512", &key);
	if (r == 0)
		r = jwk_public(key, &public);
	config_path(dir, CONFIG_FILE_AUDIT_PUBLIC, path);
	if (r == 0)
		r = write_key(public, path, 0644);
	/* Last: where it is, the other is too. */
	config_path(dir, CONFIG_FILE_AUDIT_KEY, path);
	return r < 0 ? r : write_key(key, path, 0600);
}

int checkpoints_key(const struct checkpoints *checkpoints, json_t **ret)
{
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	int r;

	r = secret_read_file(&text, checkpoints->key_path, KEY_MAX_BYTES);
	if (r == 0)
		r = js_parse((const char *)text.data, text.len, KEY_MAX_BYTES, ret);
	return r < 0 ? fail_at(r, "the key that signs the audit's checkpoints") : 0;
}

/* --- the witness ----------------------------------------------------------------------------- */

/* A checkpoint of such a store would contradict the witness's. */
int checkpoints_refuse_stale(const struct checkpoints *checkpoints)
{
	if (!checkpoints->is_stale)
		return 0;
	return fail(-ESTALE,
		    "the witness ends with checkpoint %llu, which isn't in the store: the store is "
		    "an older one, or its end was cut; see \"panocryptd audit verify\"",
		    (unsigned long long)checkpoints->witnessed);
}

struct catching_up {
	const json_t *key;
	int fd;
	bool is_torn, is_known;
	uint64_t last;	  /* in the witness; 0: it is empty */
	const char *line; /* its text */
};

/* Is it the one that accepts the gap behind the witness's last? */
static bool follows(const struct catching_up *catching, const struct store_checkpoint *row)
{
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	char hash[CHECKPOINT_HASH_CHARS + 1];

	return checkpoint_read(row->text, catching->key, &read) == 0 && read.gap_from > 0 &&
	       checkpoint_hash(catching->line, hash) == 0 && strcmp(hash, read.previous) == 0;
}

static int append_row(const struct store_checkpoint *row, void *userdata)
{
	struct catching_up *catching = userdata;
	int r;

	if (row->serial == catching->last) {
		catching->is_known = strcmp(row->text, catching->line) == 0;
		return 0;
	}
	/* Behind one that the store doesn't know, nothing of this store has a place. */
	if (catching->last > 0 && !catching->is_known && !follows(catching, row))
		return 0;
	catching->is_known = true;
	r = witness_append(catching->fd, row->text, catching->is_torn);
	if (r == 0)
		catching->is_torn = false;
	return r;
}

/* From the witness's last one on, what the store has. */
static int append_missing(struct catching_up *catching, struct checkpoints *checkpoints,
			  const json_t *key)
{
	CLEANUP_CHECKPOINT struct checkpoint last = CHECKPOINT_EMPTY;
	CLEANUP_FREE char *line = NULL;
	int r = witness_last(catching->fd, &line, &catching->is_torn);

	if (r < 0)
		return r;
	if (*line) {
		r = checkpoint_read(line, key, &last);
		if (r < 0)
			return fail_at(-EBADMSG, "the last line of the audit's witness");
		catching->last = last.serial;
		catching->line = line;
		r = checkpoint_hash(line, checkpoints->witnessed_hash);
		if (r < 0)
			return r;
	}
	return store_checkpoints(checkpoints->store, catching->last ? catching->last - 1 : 0,
				 append_row, catching);
}

/* What the store has and the witness lacks; another process may have written meanwhile. */
int checkpoints_catch_up(struct checkpoints *checkpoints, const json_t *key)
{
	struct catching_up catching = { .key = key, .fd = checkpoints->witness_fd };
	int r;

	r = witness_lock(catching.fd);
	if (r < 0)
		return r;
	r = append_missing(&catching, checkpoints, key);
	witness_unlock(catching.fd);
	checkpoints->is_stale = r == 0 && catching.last > 0 && !catching.is_known;
	checkpoints->witnessed = catching.last;
	return r < 0 ? r : checkpoints_refuse_stale(checkpoints);
}

/* --- making ---------------------------------------------------------------------------------- */

struct newest {
	struct checkpoints *checkpoints;
	const json_t *key;
};

static int take_newest(const struct store_checkpoint *row, void *userdata)
{
	const struct newest *newest = userdata;
	struct checkpoints *checkpoints = newest->checkpoints;
	CLEANUP_CHECKPOINT struct checkpoint read = CHECKPOINT_EMPTY;
	int r = checkpoint_read(row->text, newest->key, &read);

	if (r < 0)
		return fail_at(-EBADMSG, "checkpoint %llu of the audit",
			       (unsigned long long)row->serial);
	checkpoints->serial = row->serial;
	checkpoints->time_s = row->time_s;
	checkpoints->audit_seq = row->audit_seq;
	checkpoints->pruned_to = read.pruned_to;
	return checkpoint_hash(row->text, checkpoints->hash);
}

/* Another process may have made one. STORE_NOT_FOUND: there is none. */
static int load_newest(struct checkpoints *checkpoints, const json_t *key)
{
	struct newest newest = { checkpoints, key };

	return store_checkpoint_last(checkpoints->store, INT64_MAX, take_newest, &newest);
}

static int add_lane(const struct store_lane *lane, void *userdata)
{
	return checkpoint_add_lane(userdata, lane);
}

/* Inside a transaction. pruned_to 0: as before. */
int checkpoints_insert(struct checkpoints *checkpoints, const json_t *key, uint64_t pruned_to)
{
	CLEANUP_CHECKPOINT struct checkpoint next = CHECKPOINT_EMPTY;
	CLEANUP_FREE char *text = NULL;
	struct store_checkpoint row = { .serial = 0 };
	int r;

	r = load_newest(checkpoints, key);
	if (r < 0)
		return r;
	next.lanes = json_array();
	next.serial = checkpoints->serial + 1;
	next.pruned_to = pruned_to ? pruned_to : checkpoints->pruned_to;
	memcpy(next.previous, checkpoints->hash, sizeof(next.previous));
	if (checkpoints->is_stale) { /* checkpoints_accept_gap() */
		next.gap_from = checkpoints->serial;
		next.serial = MAX(checkpoints->witnessed, checkpoints->serial) + 1;
		memcpy(next.previous, checkpoints->witnessed_hash, sizeof(next.previous));
	}
	r = store_now(checkpoints->store, &next.time_s);
	if (r == 0)
		r = store_audit_newest(checkpoints->store, &row.audit_seq);
	if (r == 0)
		r = store_audit_heads(checkpoints->store, add_lane, next.lanes);
	if (r == 0)
		r = checkpoint_sign(&next, key, &text);
	if (r < 0)
		return r;
	row.serial = next.serial;
	row.time_s = next.time_s;
	row.text = text;
	r = store_checkpoint_insert(checkpoints->store, &row);
	if (r != 0)
		return r < 0 ? r : fail(-EBUSY, "another process makes a checkpoint: try again");
	checkpoints->serial = row.serial;
	checkpoints->time_s = row.time_s;
	checkpoints->audit_seq = row.audit_seq;
	checkpoints->pruned_to = next.pruned_to;
	return checkpoint_hash(text, checkpoints->hash);
}

int checkpoints_end(struct checkpoints *checkpoints, int r)
{
	if (r == 0)
		return store_commit(checkpoints->store);
	store_rollback(checkpoints->store);
	return r;
}

int checkpoints_make(struct checkpoints *checkpoints)
{
	CLEANUP_JWK json_t *key = NULL;
	uint64_t newest = 0;
	int r = checkpoints_refuse_stale(checkpoints);

	if (r == 0)
		r = checkpoints_key(checkpoints, &key);
	if (r == 0) /* another process may have made it */
		r = load_newest(checkpoints, key);
	if (r >= 0)
		r = store_audit_newest(checkpoints->store, &newest);
	if (r == 0 && newest > checkpoints->audit_seq) {
		r = store_begin(checkpoints->store);
		if (r == 0)
			r = checkpoints_end(checkpoints, checkpoints_insert(checkpoints, key, 0));
	}
	return r != 0 ? r : checkpoints_catch_up(checkpoints, key);
}

int checkpoints_tick(struct checkpoints *checkpoints)
{
	struct timespec now;
	uint64_t newest, now_s;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((uint64_t)now.tv_sec == checkpoints->looked_s)
		return 0;
	checkpoints->looked_s = (uint64_t)now.tv_sec;
	r = store_audit_newest(checkpoints->store, &newest);
	if (r == 0)
		r = store_now(checkpoints->store, &now_s);
	if (r < 0 || newest <= checkpoints->audit_seq)
		return r;
	/* A clock that was set back counts as time passed. */
	if (newest - checkpoints->audit_seq < CHECKPOINT_EVERY_ROWS &&
	    now_s >= checkpoints->time_s && now_s - checkpoints->time_s < CHECKPOINT_EVERY_S)
		return 0;
	return checkpoints_make(checkpoints);
}

/* --- opening --------------------------------------------------------------------------------- */

static int find_key(const struct server_config *config, const struct checkpoints *checkpoints)
{
	uint64_t count = 0;
	int r;

	if (file_exists(checkpoints->key_path))
		return 0;
	r = store_checkpoint_count(checkpoints->store, &count);
	if (r < 0)
		return r;
	if (count > 0)
		return fail(-ENOENT,
			    "%s is missing: it signs the audit's checkpoints; restore a copy of it",
			    checkpoints->key_path);
	return checkpoint_key_create(config->dir);
}

int checkpoints_open(const struct server_config *config, struct store *store,
		     struct checkpoints **ret)
{
	CLEANUP(checkpoints_closep) struct checkpoints *checkpoints = NULL;
	CLEANUP_JWK json_t *key = NULL;
	char witness[CONFIG_PATH_SIZE];
	int r;

	checkpoints = calloc(1, sizeof(*checkpoints));
	if (!checkpoints)
		return fail(-ENOMEM, "out of memory");
	checkpoints->store = store;
	checkpoints->witness_fd = -1;
	config_path(config->dir, CONFIG_FILE_AUDIT_KEY, checkpoints->key_path);
	config_witness(config, witness);
	r = find_key(config, checkpoints);
	if (r == 0)
		r = witness_open(witness, &checkpoints->witness_fd);
	if (r == 0)
		r = checkpoints_key(checkpoints, &key);
	if (r == 0)
		r = load_newest(checkpoints, key);
	if (r >= 0)
		r = checkpoints_catch_up(checkpoints, key);
	if (r < 0 && r != -ESTALE)
		return r;
	if (r == -ESTALE)
		log_error("%s", fail_text());
	*ret = TAKE_PTR(checkpoints);
	return 0;
}
