/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making, opening and noting portable copies.
 */
#include "server/core/kek_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/err.h"
#include "common/jwk.h"

#define KEY_MAX_BYTES (16 * KIB)
#define PASSPHRASE_MIN_BYTES 16
#define PASSPHRASE_MAX_BYTES 1024

/* A public key may be readable for all. */
static int read_public(const char *path, struct secret *ret)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	return secret_read_fd(ret, fd, KEY_MAX_BYTES);
}

int kek_copy_load(struct kek_copy_seal *seal, bool is_private)
{
	int r;

	if (!seal->jwk == !seal->passphrase_file)
		return fail(-EINVAL, "name either a key, by --jwk, or a passphrase, by "
				     "--passphrase-file");
	if (seal->jwk && is_private)
		r = secret_read_file(&seal->key, seal->jwk, KEY_MAX_BYTES);
	else if (seal->jwk)
		r = read_public(seal->jwk, &seal->key);
	else
		r = secret_read_file(&seal->passphrase, seal->passphrase_file,
				     PASSPHRASE_MAX_BYTES);
	if (r < 0)
		return r;
	secret_trim_newline(&seal->passphrase);
	/* It is all that stands between a copy of the store and every device's key. */
	if (!seal->jwk && !is_private && seal->passphrase.len < PASSPHRASE_MIN_BYTES)
		return fail(-EINVAL,
			    "the passphrase is shorter than %d bytes: take six words at random",
			    PASSPHRASE_MIN_BYTES);
	return 0;
}

void kek_copy_done(struct kek_copy_seal *seal)
{
	secret_done(&seal->key);
	secret_done(&seal->passphrase);
}

static int parse_key(const struct kek_copy_seal *seal, json_t **ret)
{
	int r = js_parse((const char *)seal->key.data, seal->key.len, KEY_MAX_BYTES, ret);

	return r < 0 ? fail_at(r, "%s", seal->jwk) : 0;
}

static int seal_to_key(const struct kek_copy_seal *seal, const struct secret *kek, json_t **ret)
{
	CLEANUP_JWK json_t *key = NULL;
	int r = parse_key(seal, &key);

	if (r == 0)
		r = jwk_seal(key, kek, ret);
	return r < 0 ? fail_at(r, "%s", seal->jwk) : 0;
}

static int noted(struct store *store, const char *id, enum store_epoch_note what, const char *event)
{
	struct store_audit_entry entry = { .event = event, .actor = "operator", .detail = id };
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = store_epoch_note(store, id, what);
	if (r == 0)
		r = store_audit_append(store, store_system, &entry);
	if (r == 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

int kek_copy_make(const struct server_config *config, struct store *store,
		  const struct kek_copy_seal *seal, char **ret)
{
	CLEANUP(epochs_closep) struct epochs *epochs = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_FREE char *text = NULL;
	const struct secret *kek;
	int r = epochs_open(config, store, &epochs);

	if (r == 0)
		r = epochs_kek(epochs, epochs_present(epochs), &kek);
	if (r == 0)
		r = seal->jwk ? seal_to_key(seal, kek, &jwe)
			      : jwk_seal_by_passphrase(&seal->passphrase, kek, &jwe);
	if (r == 0)
		r = js_print_pretty(jwe, &text);
	if (r == 0)
		r = noted(store, epochs_present(epochs), EPOCH_COPIED, "kek-copied");
	if (r != 0)
		return r < 0 ? r : fail(-EIO, "the store is damaged: it has no present epoch");
	*ret = TAKE_PTR(text);
	return 0;
}

int kek_copy_open(const char *copy, size_t len, const struct kek_copy_seal *seal,
		  struct secret *ret)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JWK json_t *key = NULL;
	int r = js_parse(copy, len, KEY_MAX_BYTES, &jwe);

	if (r == 0 && seal->jwk)
		r = parse_key(seal, &key);
	if (r == 0)
		r = seal->jwk ? jwk_unseal(jwe, key, &kek)
			      : jwk_unseal_by_passphrase(jwe, &seal->passphrase, &kek);
	if (r == 0 && kek.len != KEK_BYTES)
		r = fail(-EBADMSG, "it holds %zu bytes and not a key of %d", kek.len, KEK_BYTES);
	if (r < 0)
		return fail_at(r, "the copy");
	*ret = kek;
	kek = SECRET_EMPTY;
	return 0;
}

int kek_copy_verify(struct store *store, const char *copy, size_t len,
		    const struct kek_copy_seal *seal)
{
	CLEANUP_SECRET struct secret kek = SECRET_EMPTY;
	struct store_epoch present;
	char id[KEK_ID_CHARS + 1];
	int r = kek_copy_open(copy, len, seal, &kek);

	if (r == 0)
		r = kek_id(&kek, id);
	if (r == 0)
		r = store_epoch_present(store, &present);
	if (r != 0)
		return r;
	if (strcmp(present.id, id) != 0)
		return STORE_NOT_FOUND;
	return noted(store, id, EPOCH_COPY_OPENED, "kek-copy-opened");
}
