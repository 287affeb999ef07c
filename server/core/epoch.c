/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening KEKs and finding the one that wraps. Rotation is epoch_rotate.c's.
 */
#include "server/core/epoch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"

#define PURPOSE_CHECK "panocrypt kek check"
#define PURPOSE_ENROLLMENT "panocrypt enrollment key hash"
#define CHECK_TEXT "this store belongs to this key"
#define EPOCHS_MAX 8

struct epoch {
	char id[EPOCH_ID_SIZE];
	struct secret kek;
};

struct epochs {
	struct epoch open[EPOCHS_MAX];
	size_t count, present;
	struct secret enrollment;
};

void epochs_close(struct epochs *epochs)
{
	for (size_t i = 0; i < epochs->count; i++)
		secret_done(&epochs->open[i].kek);
	secret_done(&epochs->enrollment);
	free(epochs);
}

/* --- sealing --------------------------------------------------------------------------------- */

static int seal_one(const struct secret *kek, const char *purpose, const char *id,
		    const struct secret *plain, uint8_t ret[static SEALED_MAX_BYTES],
		    size_t *ret_len)
{
	CLEANUP_FREE uint8_t *sealed = NULL;
	size_t len;
	int r = aead_seal(kek, purpose, id, plain, &sealed, &len);

	if (r < 0)
		return r;
	if (len > SEALED_MAX_BYTES)
		return fail(-E2BIG, "a sealed value has %zu bytes", len);
	memcpy(ret, sealed, len);
	*ret_len = len;
	return 0;
}

int epoch_seal(const struct secret *kek, const struct secret *enrollment, struct store_epoch *ret)
{
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	int r;

	r = kek_id(kek, ret->id);
	if (r == 0)
		r = secret_copy(&text, CHECK_TEXT, strlen(CHECK_TEXT));
	if (r == 0)
		r = seal_one(kek, PURPOSE_CHECK, ret->id, &text, ret->check_sealed,
			     &ret->check_len);
	if (r == 0)
		r = seal_one(kek, PURPOSE_ENROLLMENT, ret->id, enrollment, ret->enrollment_sealed,
			     &ret->enrollment_len);
	return r;
}

static int insert_alone(struct store *store, struct store_epoch *epoch)
{
	struct store_epoch present;
	int r = store_epoch_present(store, &present);

	if (r == 0)
		return fail(-EEXIST, "the store has a key-encryption key already");
	if (r == STORE_NOT_FOUND)
		r = store_now(store, &epoch->created_s);
	return r < 0 ? r : store_epoch_insert(store, epoch);
}

static int insert_first(struct store *store, struct store_epoch *epoch)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = insert_alone(store, epoch);
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r < 0 ? r : fail(-EEXIST, "the store knows this key already");
}

int epochs_create(const struct server_config *config, struct store *store)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	CLEANUP_SECRET struct secret enrollment = SECRET_EMPTY;
	struct store_epoch epoch = { .serial = 0 };
	int r;

	r = kek_make(config, KEK_PRESENT, &kek);
	if (r == 0)
		r = secret_random(&enrollment, SHA256_BYTES);
	if (r == 0)
		r = epoch_seal(&kek, &enrollment, &epoch);
	return r < 0 ? r : insert_first(store, &epoch);
}

/* --- opening --------------------------------------------------------------------------------- */

int epochs_add(struct epochs *epochs, struct secret *kek)
{
	struct epoch *epoch = &epochs->open[epochs->count];
	int r;

	if (epochs->count == EPOCHS_MAX)
		return fail(-E2BIG, "more than %d key-encryption keys are open", EPOCHS_MAX);
	r = kek_id(kek, epoch->id);
	if (r < 0)
		return r;
	epoch->kek = *kek;
	*kek = SECRET_EMPTY;
	epochs->count++;
	return 0;
}

/* A place that has nothing is no failure; *ret_found says so. */
static int add_place(struct epochs *epochs, const struct server_config *config,
		     enum kek_place place, bool *ret_found)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	int r = kek_read(config, place, "", &kek);

	*ret_found = r == 0;
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : epochs_add(epochs, &kek);
}

static int add_places(struct epochs *epochs, const struct server_config *config)
{
	bool present, next;
	int r;

	/* The sentence of the first is the one that matters. */
	r = add_place(epochs, config, KEK_NEXT, &next);
	if (r == 0)
		r = add_place(epochs, config, KEK_PRESENT, &present);
	if (r == 0 && !present && !next)
		r = fail_at(-ENOENT,
			    "no key-encryption key: restore a backup of it, or its portable "
			    "copy by \"panocryptd kek restore-copy\"");
	return r;
}

static int wrong_kek(const struct server_config *config)
{
	return fail(
		-EKEYREJECTED,
		"the key-encryption key (kek) of %s isn't the key of this store: restore the right "
		"one; with another, no device could ever be unlocked",
		config->dir);
}

#define OLD_CHECK_SETTING "kek-check"

/* A store from before there were epochs: its check is a setting, and its key of enrollment hashes
 * is derived from the KEK. */
static int adopt(const struct server_config *config, struct store *store)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	CLEANUP_SECRET struct secret enrollment = SECRET_EMPTY;
	struct store_epoch epoch = { .serial = 0 };
	uint8_t sealed[SEALED_MAX_BYTES];
	size_t len;
	int r;

	r = store_setting(store, OLD_CHECK_SETTING, sealed, sizeof(sealed), &len);
	if (r == STORE_NOT_FOUND)
		return fail(-EINVAL, "the store has no check value for its key: restore a backup");
	if (r == 0)
		r = kek_read(config, KEK_PRESENT, "", &kek);
	if (r == 0)
		r = kek_id(&kek, epoch.id);
	if (r == 0)
		r = aead_open(&kek, PURPOSE_CHECK, epoch.id, sealed, len, &text);
	if (r == -EBADMSG)
		return wrong_kek(config);
	if (r == 0)
		r = secret_alloc(&enrollment, SHA256_BYTES);
	if (r == 0)
		r = hmac_sha256(&kek, PURPOSE_ENROLLMENT, strlen(PURPOSE_ENROLLMENT),
				enrollment.data);
	if (r == 0)
		r = epoch_seal(&kek, &enrollment, &epoch);
	return r < 0 ? r : insert_first(store, &epoch);
}

/* Which of the open ones is the store's present one? Proven by its check. */
static int open_present(struct epochs *epochs, const struct store_epoch *epoch,
			const struct server_config *config)
{
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	const struct secret *kek = NULL;
	int r;

	for (size_t i = 0; i < epochs->count; i++) {
		if (strcmp(epochs->open[i].id, epoch->id) != 0)
			continue;
		epochs->present = i;
		kek = &epochs->open[i].kek;
	}
	if (!kek)
		return wrong_kek(config);
	r = aead_open(kek, PURPOSE_CHECK, epoch->id, epoch->check_sealed, epoch->check_len, &text);
	if (r == 0)
		r = aead_open(kek, PURPOSE_ENROLLMENT, epoch->id, epoch->enrollment_sealed,
			      epoch->enrollment_len, &epochs->enrollment);
	return r == -EBADMSG ? wrong_kek(config) : r;
}

int epochs_open(const struct server_config *config, struct store *store, struct epochs **ret)
{
	CLEANUP(epochs_closep) struct epochs *epochs = calloc(1, sizeof(*epochs));
	struct store_epoch epoch;
	int r;

	if (!epochs)
		return fail(-ENOMEM, "out of memory");
	r = store_epoch_present(store, &epoch);
	if (r == STORE_NOT_FOUND) {
		r = adopt(config, store);
		if (r == 0)
			r = store_epoch_present(store, &epoch);
	}
	if (r == 0)
		r = add_places(epochs, config);
	if (r == 0)
		r = open_present(epochs, &epoch, config);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(epochs);
	return 0;
}

/* --- using ----------------------------------------------------------------------------------- */

const char *epochs_present(const struct epochs *epochs)
{
	return epochs->open[epochs->present].id;
}

const struct secret *epochs_enrollment(const struct epochs *epochs)
{
	return &epochs->enrollment;
}

int epochs_kek(const struct epochs *epochs, const char *id, const struct secret **ret_borrowed)
{
	for (size_t i = 0; i < epochs->count; i++) {
		if (strcmp(epochs->open[i].id, id) == 0) {
			*ret_borrowed = &epochs->open[i].kek;
			return 0;
		}
	}
	return fail(-ESTALE,
		    "a device's key is wrapped by the key-encryption key %.32s, which isn't "
		    "open here",
		    id);
}

int epochs_check(const struct epochs *epochs, struct store *store)
{
	struct store_epoch epoch;
	int r = store_epoch_present(store, &epoch);

	if (r > 0)
		return fail(-EIO, "the store is damaged: it has no present key-encryption key");
	if (r == 0 && strcmp(epoch.id, epochs_present(epochs)) != 0)
		return fail(-ESTALE, "the key-encryption key was rotated");
	return r;
}

struct freshness {
	const struct epochs *epochs;
	bool is_stale;
};

static int look_at(const struct store_epoch *epoch, void *userdata)
{
	struct freshness *freshness = userdata;
	const struct epochs *epochs = freshness->epochs;

	for (size_t i = 0; i < epochs->count; i++) {
		if (strcmp(epochs->open[i].id, epoch->id) != 0)
			continue;
		freshness->is_stale |= epoch->destroyed_s > 0 ||
				       (epoch->retired_s > 0 && i == epochs->present);
	}
	return 0;
}

int epochs_look(const struct epochs *epochs, struct store *store)
{
	struct freshness freshness = { .epochs = epochs };
	int r = store_epochs(store, look_at, &freshness);

	if (r == 0 && freshness.is_stale)
		return fail(-ESTALE, "the key-encryption key was rotated");
	return r;
}
