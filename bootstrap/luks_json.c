/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LUKS2 metadata, read. Pure: no file, no device, no libcryptsetup. The text comes from a disk, so
 * every member is checked for its type.
 */
#include "bootstrap/luks_json.h"

#include "common/err.h"
#include "common/strbuf.h"

#include <stdio.h>
#include <string.h>

#define BINARY_HEADER_BYTES 4096 /* in front of each JSON area */
#define REENCRYPT_REQUIREMENT "online-reencrypt"

int luks_json_parse(const char *text, size_t len, json_t **ret)
{
	json_t *metadata = NULL;
	int r;

	r = js_parse(text, len, LUKS_JSON_MAX, &metadata);
	if (r < 0)
		return fail_at(r, "LUKS2 metadata");
	*ret = metadata;
	return 0;
}

/* A number written as text: {"size":"4096"}. */
static int text_number(const json_t *object, const char *name, uint64_t *ret)
{
	const char *text;
	int r;

	r = js_string(object, name, &text);
	if (r < 0)
		return r;
	r = text_u64(text, ret);
	return r < 0 ? fail(-EINVAL, "LUKS2 metadata: \"%s\" is not a number", name) : 0;
}

/* Does the object's array of this name have a text that begins so? */
static bool list_has(const json_t *object, const char *name, const char *prefix)
{
	json_t *list = json_object_get(object, name);
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);

		if (text && strncmp(text, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

/* … that is so? */
static bool list_names(const json_t *object, const char *name, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(object, name), i, item)
		if (json_string_value(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static bool is_text(const json_t *object, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && strcmp(text, value) == 0;
}

/* The name of the segment that says which key is meant: while reencrypting, the one that the data
 * comes from; when it comes from plaintext, the one that it goes to. */
static const char *key_segment(json_t *segments, const struct luks_status *status)
{
	const char *flag = status->is_rotating ? "backup-previous" : "backup-final";
	json_t *segment;
	const char *name;

	json_object_foreach (segments, name, segment) {
		if (status->is_reencrypting ? list_has(segment, "flags", flag)
					    : !list_has(segment, "flags", "backup-"))
			return name;
	}
	return "";
}

/* The slots of one digest, but for the reencryption's own. */
static uint32_t slots_of(const json_t *digest, const json_t *keyslots)
{
	uint32_t slots = 0;
	uint64_t number;
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(digest, "keyslots"), i, item) {
		const char *text = json_string_value(item);

		if (text && text_u64(text, &number) == 0 && number < 32 &&
		    is_text(json_object_get(keyslots, text), "type", "luks2"))
			slots |= UINT32_C(1) << number;
	}
	return slots;
}

/* Which volume key is whose: a digest stands for one, and lists its slots and segments. */
static void add_digests(const json_t *metadata, struct luks_status *status)
{
	const json_t *keyslots = json_object_get(metadata, "keyslots");
	const char *used_segment = key_segment(json_object_get(metadata, "segments"), status);
	const char *name;
	json_t *digest;
	uint64_t number;

	status->used_key = LUKS_KEYS_MAX;
	json_object_foreach (json_object_get(metadata, "digests"), name, digest) {
		if (text_u64(name, &number) < 0)
			continue;
		if (number >= LUKS_KEYS_MAX) {
			status->other_slots |= slots_of(digest, keyslots);
			continue;
		}
		status->slots_of[number] = slots_of(digest, keyslots);
		if (list_names(digest, "segments", used_segment))
			status->used_key = (unsigned)number;
	}
}

/* While rotating, only what isn't under the old key any more. */
static bool is_under_wanted_key(const json_t *metadata, const char *segment,
				const struct luks_status *status)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", status->used_key);
	return !status->is_rotating ||
	       !list_names(json_object_get(json_object_get(metadata, "digests"), number),
			   "segments", segment);
}

/* A segment that isn't mapped: where the data will start, and where the moved head stands. */
static int add_backup_segment(const json_t *segment, struct luks_status *status)
{
	if (list_has(segment, "flags", "backup-final"))
		return text_number(segment, "offset", &status->data_offset_bytes);
	if (list_has(segment, "flags", "backup-moved-segment"))
		return text_number(segment, "offset", &status->parked_offset_bytes);
	return 0;
}

/* Somebody else's volume may have a text that is longer than ours. */
static void put_text(const json_t *object, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(to, size, "%s", text ? text : "");
}

static int add_segment(const json_t *metadata, const char *name, const json_t *segment,
		       struct luks_status *status)
{
	bool is_hot = list_has(segment, "flags", "in-reencryption");
	bool is_encrypted = is_text(segment, "type", "crypt") && !is_hot;
	uint64_t size_bytes = 0;
	int r;

	if (!json_is_object(segment))
		return fail(-EINVAL, "LUKS2 metadata: a segment is not an object");
	if (list_has(segment, "flags", "backup-"))
		return add_backup_segment(segment, status);
	if (!status->is_reencrypting) {
		r = text_number(segment, "offset", &status->data_offset_bytes);
		if (r < 0)
			return r;
	}
	status->is_first_chunk_done |= is_encrypted;
	if (is_encrypted)
		put_text(segment, "encryption", status->cipher, sizeof(status->cipher));
	status->has_hot_chunk |= status->is_reencrypting && is_hot;
	if (is_text(segment, "size", "dynamic"))
		return 0;
	r = text_number(segment, "size", &size_bytes);
	if (r < 0)
		return r;
	if (size_bytes > UINT64_MAX - status->payload_bytes)
		return fail(-EINVAL, "LUKS2 metadata: the segments are larger than any device");
	status->payload_bytes += size_bytes;
	if (is_encrypted && is_under_wanted_key(metadata, name, status))
		status->encrypted_bytes += size_bytes;
	return 0;
}

/* Does one of the token's slots belong to these? */
static bool names_slot_of(const json_t *token, uint32_t slots)
{
	uint64_t number;
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(token, "keyslots"), i, item)
		if (json_string_value(item) && text_u64(json_string_value(item), &number) == 0 &&
		    number < 32 && (slots >> number & 1))
			return true;
	return false;
}

int luks_json_idle_clevis(const json_t *metadata, const struct luks_status *status, int *ret_id)
{
	uint32_t slots = status->used_key < LUKS_KEYS_MAX ? status->slots_of[status->used_key] : 0;
	const char *name;
	json_t *token;
	uint64_t id;

	json_object_foreach (json_object_get(metadata, "tokens"), name, token) {
		if (!is_text(token, "type", "clevis") || names_slot_of(token, slots) ||
		    text_u64(name, &id) < 0 || id > INT32_MAX)
			continue;
		*ret_id = (int)id;
		return 0;
	}
	return -ENOENT;
}

int luks_json_status(const json_t *metadata, struct luks_status *ret)
{
	struct luks_status status = { 0 };
	json_t *keyslots, *tokens, *segments, *config, *value;
	bool has_open_end = false;
	int id, r;
	const char *name;

	r = js_object(metadata, "keyslots", &keyslots);
	if (r == 0)
		r = js_object(metadata, "tokens", &tokens);
	if (r == 0)
		r = js_object(metadata, "segments", &segments);
	if (r == 0)
		r = js_object(metadata, "config", &config);
	if (r < 0)
		return fail_at(r, "LUKS2 metadata");

	status.is_reencrypting = list_has(json_object_get(config, "requirements"), "mandatory",
					  REENCRYPT_REQUIREMENT);
	status.token_count = (unsigned)json_object_size(tokens);
	json_object_foreach (keyslots, name, value) {
		status.slot_count += is_text(value, "type", "luks2");
		status.is_rotating |= status.is_reencrypting &&
				      is_text(value, "type", "reencrypt") &&
				      is_text(value, "mode", "reencrypt");
	}
	add_digests(metadata, &status);
	status.has_idle_clevis = luks_json_idle_clevis(metadata, &status, &id) == 0;
	json_object_foreach (segments, name, value) {
		r = add_segment(metadata, name, value, &status);
		if (r < 0)
			return r;
		has_open_end |= !list_has(value, "flags", "backup-") &&
				is_text(value, "size", "dynamic");
	}
	if (has_open_end) /* what is before it would be taken for all */
		status.payload_bytes = status.encrypted_bytes = 0;
	*ret = status;
	return 0;
}

static int add_salt(const json_t *object, struct luks_salts *salts)
{
	const char *salt = json_string_value(json_object_get(object, "salt"));

	if (!salt)
		return 0; /* the reencryption keyslot has no KDF */
	if (salts->count == LUKS_SALTS_MAX || strlen(salt) >= LUKS_SALT_SIZE)
		return fail(-E2BIG, "LUKS2 metadata: more or longer salts than this program makes");
	snprintf(salts->salts[salts->count++], LUKS_SALT_SIZE, "%s", salt);
	return 0;
}

int luks_json_salts(const json_t *metadata, struct luks_salts *ret)
{
	struct luks_salts salts = { 0 };
	json_t *keyslots, *digests, *value;
	const char *name;
	int r;

	r = js_object(metadata, "keyslots", &keyslots);
	if (r == 0)
		r = js_object(metadata, "digests", &digests);
	if (r < 0)
		return fail_at(r, "LUKS2 metadata");
	json_object_foreach (keyslots, name, value) {
		r = add_salt(json_object_get(value, "kdf"), &salts);
		if (r < 0)
			return r;
	}
	json_object_foreach (digests, name, value) {
		r = add_salt(value, &salts);
		if (r < 0)
			return r;
	}
	*ret = salts;
	return 0;
}

int luks_json_header_bytes(const json_t *metadata, uint64_t *ret)
{
	uint64_t json_bytes = 0, keyslots_bytes = 0;
	json_t *config;
	int r;

	r = js_object(metadata, "config", &config);
	if (r == 0)
		r = text_number(config, "json_size", &json_bytes);
	if (r == 0)
		r = text_number(config, "keyslots_size", &keyslots_bytes);
	if (r < 0)
		return fail_at(r, "LUKS2 metadata");
	if (json_bytes > LUKS_JSON_MAX || keyslots_bytes > GIB)
		return fail(-EINVAL, "LUKS2 metadata: sizes beyond the format's limits");
	*ret = 2 * (BINARY_HEADER_BYTES + json_bytes) + keyslots_bytes;
	return 0;
}

/* A clevis token whose slots were removed. Tokens of ours never have any. */
static bool has_lost_slots(const json_t *token)
{
	return is_text(token, "type", "clevis") &&
	       json_array_size(json_object_get(token, "keyslots")) == 0;
}

int luks_json_token(const json_t *metadata, const char *type, int *ret_id, json_t **ret_borrowed)
{
	json_t *tokens, *token;
	const char *name;
	uint64_t id;
	int r;

	r = js_object(metadata, "tokens", &tokens);
	if (r < 0)
		return fail_at(r, "LUKS2 metadata");
	json_object_foreach (tokens, name, token) {
		if (!is_text(token, "type", type) || text_u64(name, &id) < 0 || id > INT32_MAX ||
		    has_lost_slots(token))
			continue;
		*ret_id = (int)id;
		*ret_borrowed = token;
		return 0;
	}
	fail_clear();
	return -ENOENT;
}
