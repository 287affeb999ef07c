/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The KEKs that are open in this process, and the key of enrollment hashes that the present one
 * wraps. An epoch is one KEK's time: it begins at init or by "kek rotate", which wraps every
 * device's keys anew; while that is under way two are open. docs/kek.md.
 */
#pragma once

#include "server/core/kek.h"
#include "server/store/store_core.h"

struct epochs;

/* A new KEK by the configured provider, and its epoch as the store's first. For init; the store
 * must have none. */
int epochs_create(const struct server_config *config, struct store *store) MUST_CHECK;

/* Reads the KEKs of the present place and the next, and refuses when neither is the store's present
 * one. -EKEYREJECTED. */
int epochs_open(const struct server_config *config, struct store *store,
		struct epochs **ret) MUST_CHECK;
void epochs_close(struct epochs *epochs);
DEFINE_CLEANUP(struct epochs *, epochs_close);

/* Adds one that is known: an old one that was kept. Takes the secret. */
int epochs_add(struct epochs *epochs, struct secret *kek) MUST_CHECK;

/* The id of the present epoch, as it was when opened. */
const char *epochs_present(const struct epochs *epochs);

/* The KEK of this id. -ESTALE with a sentence: it isn't open here. */
int epochs_kek(const struct epochs *epochs, const char *id,
	       const struct secret **ret_borrowed) MUST_CHECK;

/* Inside a transaction that is to wrap something: is the store's present epoch still ours? -ESTALE:
 * it was rotated; open again. */
int epochs_check(const struct epochs *epochs, struct store *store) MUST_CHECK;

/* The same outside of a transaction, also when one that is open here was destroyed. */
int epochs_look(const struct epochs *epochs, struct store *store) MUST_CHECK;

/* The key of enrollment hashes. */
const struct secret *epochs_enrollment(const struct epochs *epochs);

/* Fills what an epoch of this KEK has sealed: its check, and the key of enrollment hashes. */
int epoch_seal(const struct secret *kek, const struct secret *enrollment,
	       struct store_epoch *ret) MUST_CHECK;
