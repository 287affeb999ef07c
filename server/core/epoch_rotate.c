/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *	1  the new KEK, at KEK_NEXT
 *	2  its epoch is the store's present one: what is wrapped from here on is wrapped by it
 *	3  the keys of older epochs, some hundred a transaction
 *	4  a last look that none is left
 *	5  the new KEK to KEK_PRESENT, the old one to KEK_OLD
 *	6  if asked: the old ones destroyed, then noted as destroyed
 *
 * Cut behind 1: the key that lies at KEK_NEXT is taken. Cut behind 2: it is the present one there,
 * and the rest follows.
 */
#include "server/core/epoch_rotate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "server/core/keys.h"

#define BATCH 256

struct rotation {
	const struct server_config *config;
	struct store *store;
	struct epochs *epochs;
	struct exchange *exchange;
	struct keys *keys;
	struct epoch_rotated *ret;
	/* the batch */
	struct store_wrapped wrapped[BATCH], after;
	size_t count;
};

static int note(struct store *store, const char *event, const char *id)
{
	struct store_audit_entry entry = { .event = event, .actor = "operator", .detail = id };

	return store_audit_append(store, store_system, &entry);
}

static int end(struct store *store, int r)
{
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

/* --- 1 and 2 --------------------------------------------------------------------------------- */

static int begin_epoch(struct store *store, struct store_epoch *epoch)
{
	int r = store_now(store, &epoch->created_s);

	if (r == 0)
		r = store_epoch_insert(store, epoch);
	if (r > 0)
		return fail(-EEXIST,
			    "the next key-encryption key was in use before: it must be new");
	return r < 0 ? r : note(store, "kek-rotation-begun", epoch->id);
}

/* Is a rotation under way? Then the present one lies at KEK_NEXT. */
static int read_next(const struct rotation *rotation, const char *present, struct secret *ret,
		     bool *ret_is_begun)
{
	char id[KEK_ID_CHARS + 1] = "";
	int r = kek_read(rotation->config, KEK_NEXT, "", ret);

	if (r == -ENOENT)
		r = kek_make(rotation->config, KEK_NEXT, ret);
	if (r == 0)
		r = kek_id(ret, id);
	*ret_is_begun = strcmp(id, present) == 0;
	return r;
}

static int begin(struct rotation *rotation)
{
	CLEANUP(epochs_closep) struct epochs *before = NULL;
	CLEANUP_SECRET struct secret next = SECRET_EMPTY;
	struct store_epoch epoch = { .serial = 0 };
	bool is_begun;
	int r;

	r = epochs_open(rotation->config, rotation->store, &before);
	if (r == 0)
		r = read_next(rotation, epochs_present(before), &next, &is_begun);
	if (r < 0 || is_begun)
		return r;
	r = epoch_seal(&next, epochs_enrollment(before), &epoch);
	if (r == 0)
		r = store_begin(rotation->store);
	if (r < 0)
		return r;
	r = epochs_check(before, rotation->store); /* another rotation? */
	return end(rotation->store, r < 0 ? r : begin_epoch(rotation->store, &epoch));
}

/* --- 3 and 4 --------------------------------------------------------------------------------- */

static int take_wrapped(const struct store_wrapped *wrapped, void *userdata)
{
	struct rotation *rotation = userdata;

	rotation->wrapped[rotation->count++] = *wrapped;
	return 0;
}

static int rewrap_batch(struct rotation *rotation)
{
	const char *present = epochs_present(rotation->epochs);
	int r;

	rotation->count = 0;
	r = store_wrapped_elsewhere(rotation->store, present, &rotation->after, BATCH, take_wrapped,
				    rotation);
	for (size_t i = 0; r == 0 && i < rotation->count; i++) {
		struct store_wrapped *wrapped = &rotation->wrapped[i];

		r = keys_rewrap(rotation->keys, wrapped->device, &wrapped->key);
		if (r == 0)
			r = store_rewrap(rotation->store, wrapped);
	}
	return r;
}

static int rewrap_all(struct rotation *rotation)
{
	int r;

	do {
		r = store_begin(rotation->store);
		if (r == 0)
			r = end(rotation->store, rewrap_batch(rotation));
		if (r < 0)
			return r;
		if (rotation->count > 0)
			rotation->after = rotation->wrapped[rotation->count - 1];
		rotation->ret->rewrapped += rotation->count;
	} while (rotation->count > 0);
	return 0;
}

static int note_rewrapped(struct rotation *rotation)
{
	const char *present = epochs_present(rotation->epochs);
	struct store_wrapped from_start = { .key.generation = 0 };
	int r;

	rotation->count = 0;
	r = store_wrapped_elsewhere(rotation->store, present, &from_start, 1, take_wrapped,
				    rotation);
	if (r == 0 && rotation->count > 0)
		return fail(-EAGAIN, "a key was wrapped by an older key-encryption key meanwhile: "
				     "run it again");
	if (r == 0)
		r = store_epoch_note(rotation->store, present, EPOCH_REWRAPPED);
	return r != 0 ? r : note(rotation->store, "kek-rotated", present);
}

/* --- 5 and 6 --------------------------------------------------------------------------------- */

#define OLD_MAX 64 /* the newest of them */

struct old_epochs {
	struct store_epoch items[OLD_MAX];
	size_t count;
	char last[EPOCH_ID_SIZE]; /* the one before the present one */
};

static int take_old(const struct store_epoch *epoch, void *userdata)
{
	struct old_epochs *old = userdata;

	if (epoch->retired_s == 0)
		return 0;
	memcpy(old->last, epoch->id, sizeof(old->last));
	if (old->count == OLD_MAX)
		memmove(&old->items[0], &old->items[1], (--old->count) * sizeof(old->items[0]));
	old->items[old->count++] = *epoch;
	return 0;
}

/* Also one that another node has destroyed: here it may still lie. */
static int destroy_one(struct rotation *rotation, const struct store_epoch *epoch)
{
	const char *id = epoch->id;
	int r = kek_destroy(rotation->config, id);

	if (r < 0 || epoch->destroyed_s > 0)
		return r;
	r = store_begin(rotation->store);
	if (r < 0)
		return r;
	r = store_epoch_note(rotation->store, id, EPOCH_DESTROYED);
	if (r == 0)
		r = note(rotation->store, "kek-destroyed", id);
	r = end(rotation->store, r);
	rotation->ret->destroyed += r == 0 ? 1 : 0;
	return r;
}

static int put_away(struct rotation *rotation, bool destroy_old)
{
	struct old_epochs old = { .count = 0 };
	int r = store_epochs(rotation->store, take_old, &old);

	if (r < 0)
		return r;
	memcpy(rotation->ret->from, old.last, sizeof(old.last));
	r = kek_promote(rotation->config, old.last);
	for (size_t i = 0; r == 0 && destroy_old && i < old.count; i++)
		r = destroy_one(rotation, &old.items[i]);
	return r;
}

static int finish(struct rotation *rotation, bool destroy_old)
{
	int r;

	r = epochs_open(rotation->config, rotation->store, &rotation->epochs);
	if (r == 0)
		r = exchange_open(&rotation->exchange);
	if (r == 0)
		r = keys_open(rotation->epochs, rotation->exchange, &rotation->keys);
	if (r < 0)
		return r;
	memcpy(rotation->ret->to, epochs_present(rotation->epochs), EPOCH_ID_SIZE);
	r = rewrap_all(rotation);
	if (r == 0)
		r = store_begin(rotation->store);
	if (r == 0)
		r = end(rotation->store, note_rewrapped(rotation));
	return r != 0 ? r : put_away(rotation, destroy_old);
}

static void rotation_free(struct rotation **rotation)
{
	if (!*rotation)
		return;
	keys_closep(&(*rotation)->keys);
	exchange_closep(&(*rotation)->exchange);
	epochs_closep(&(*rotation)->epochs);
	free(*rotation);
}

int epoch_rotate(const struct server_config *config, struct store *store, bool destroy_old,
		 struct epoch_rotated *ret)
{
	CLEANUP(rotation_free) struct rotation *rotation = calloc(1, sizeof(*rotation));
	int r;

	if (!rotation)
		return fail(-ENOMEM, "out of memory");
	*ret = (struct epoch_rotated){ .rewrapped = 0 };
	rotation->config = config;
	rotation->store = store;
	rotation->ret = ret;
	r = begin(rotation);
	if (r == 0)
		r = finish(rotation, destroy_old);
	return r > 0 ? fail(-EIO, "the store contradicts itself while rewrapping") : r;
}
