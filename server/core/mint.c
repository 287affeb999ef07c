/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices and enrollment keys for admins. One transaction each, with its audit row.
 */
#include "server/core/mint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"

/* Ids of enrollment keys have 20 bits: with many keys, some tries hit a taken one. */
#define KEY_TRIES 64

void mint_clean_name(const char *name, char ret[static MINT_NAME_SIZE])
{
	snprintf(ret, MINT_NAME_SIZE, "%s", *name ? name : "unnamed");
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

int mint_insert(struct core_parts *parts, struct store_new_device *device,
		char ret_thumbprint[static THUMBPRINT_CHARS + 1])
{
	struct store_key key = { .generation = 1 };
	int r;

	r = random_bytes(device->id, sizeof(device->id));
	if (r == 0)
		r = epochs_check(parts->epochs, parts->store);
	if (r < 0)
		return r;
	memcpy(key.organization, device->organization, sizeof(key.organization));
	r = keys_make(parts->keys, device->id, &key);
	if (r == 0)
		r = store_device_insert(parts->store, device);
	if (r == 0)
		r = store_key_insert(parts->store, device->id, &key, device->created_s);
	if (r != 0)
		return r;
	snprintf(ret_thumbprint, THUMBPRINT_CHARS + 1, "%s", key.signing_thumbprint);
	return 0;
}

static int audit_made(struct core_parts *parts, const uint8_t *organization,
		      const struct store_audit_entry *entry, const struct source_address *from)
{
	char source[CIDR_TEXT_SIZE];
	struct store_audit_entry complete = *entry;

	source_print(from, source);
	complete.source = source;
	return store_audit_append(parts->store, organization, &complete);
}

static int insert_device(struct core_parts *parts, const struct message_mint *request,
			 const struct source_address *source, struct message_redeemed *ret)
{
	char name[MINT_NAME_SIZE];
	struct store_new_device device = { .name = name,
					   .tags = request->tags,
					   .allow_from = request->allow_from,
					   .platform = "",
					   .enrollment_key = "" };
	struct store_audit_entry entry = { .event = "device-created",
					   .actor = request->actor,
					   .detail = name,
					   .device = device.id };
	int r;

	mint_clean_name(request->name, name);
	memcpy(device.organization, request->organization, sizeof(device.organization));
	r = store_organization_name(parts->store, request->organization, ret->organization,
				    sizeof(ret->organization));
	if (r == 0)
		r = store_now(parts->store, &device.created_s);
	if (r == 0)
		r = mint_insert(parts, &device, ret->thumbprint);
	if (r == 0)
		r = audit_made(parts, request->organization, &entry, source);
	if (r != 0)
		return r;
	memcpy(ret->device, device.id, sizeof(ret->device));
	snprintf(ret->tags, sizeof(ret->tags), "%s", request->tags);
	return 0;
}

int mint_device(struct core_parts *parts, const struct message_mint *request,
		const struct source_address *source, struct message_redeemed *ret)
{
	struct cidr_list allow_from;
	int r;

	/* Without an address it could never be unlocked: it has no rehearsal that registers one. */
	if (cidr_list_parse(request->allow_from, &allow_from) < 0 || allow_from.count == 0) {
		ret->status = 400;
		snprintf(ret->code, sizeof(ret->code), "invalid");
		return 0;
	}
	r = store_begin(parts->store);
	if (r == 0)
		r = core_parts_end(parts, insert_device(parts, request, source, ret));
	ret->status = r == 0 ? 201 : 503;
	if (r != 0)
		snprintf(ret->code, sizeof(ret->code), "unavailable");
	return r <= 0 ? r : fail(-EINVAL, "admin asked for a device of an unknown organization");
}

/* STORE_NOT_FOUND; STORE_CONFLICT: it has or may have no unlock to keep, or its header is being
 * written. */
static int may_rotate(struct core_parts *parts, const struct message_rotate *request,
		      uint64_t *ret_generation)
{
	struct store_unlock unlock;
	uint64_t now_s;
	int r = store_unlock(parts->store, request->device, &unlock);

	if (r == 0)
		r = store_now(parts->store, &now_s);
	if (r != 0)
		return r;
	if (memcmp(unlock.organization, request->organization, sizeof(unlock.organization)) != 0)
		return STORE_NOT_FOUND;
	*ret_generation = unlock.generation;
	return unlock.revoked_s > 0 || unlock.converting_until_s > now_s ? STORE_CONFLICT : 0;
}

static int rotate(struct core_parts *parts, const struct message_rotate *request,
		  const struct source_address *source, struct message_redeemed *ret)
{
	struct store_key key = { .generation = 0 };
	char detail[40];
	struct store_audit_entry entry = { .event = "device-keys-rotated",
					   .actor = request->actor,
					   .detail = detail,
					   .device = request->device };
	uint64_t now_s;
	int r = may_rotate(parts, request, &key.generation);

	if (r == 0)
		r = epochs_check(parts->epochs, parts->store);
	if (r != 0)
		return r;
	key.generation++;
	memcpy(key.organization, request->organization, sizeof(key.organization));
	snprintf(detail, sizeof(detail), "generation %llu", (unsigned long long)key.generation);
	r = keys_make(parts->keys, request->device, &key);
	if (r == 0)
		r = store_now(parts->store, &now_s);
	if (r == 0)
		r = store_key_insert(parts->store, request->device, &key, now_s);
	if (r == 0)
		r = store_generation_set(parts->store, request->device, key.generation);
	if (r != 0)
		return r < 0 ? r : fail(-EIO, "the store contradicts itself: a new generation");
	memcpy(ret->device, request->device, sizeof(ret->device));
	snprintf(ret->thumbprint, sizeof(ret->thumbprint), "%s", key.signing_thumbprint);
	return audit_made(parts, request->organization, &entry, source);
}

int mint_rotate(struct core_parts *parts, const struct message_rotate *request,
		const struct source_address *source, struct message_redeemed *ret)
{
	static const struct {
		uint32_t status;
		const char *code;
	} outcomes[] = { [0] = { 200, "" },
			 [STORE_NOT_FOUND] = { 404, "not-found" },
			 [STORE_CONFLICT] = { 409, "conflict" } };
	int r = store_begin(parts->store);

	if (r == 0)
		r = core_parts_end(parts, rotate(parts, request, source, ret));
	ret->status = r < 0 ? 503 : outcomes[r].status;
	snprintf(ret->code, sizeof(ret->code), "%s", r < 0 ? "unavailable" : outcomes[r].code);
	return MIN(r, 0);
}

/* Generates until the id is free, and inserts. */
static int insert_key(struct core_parts *parts, struct store_new_key *row,
		      struct enrollment_key *ret)
{
	int r = STORE_CONFLICT;

	for (int i = 0; i < KEY_TRIES && r == STORE_CONFLICT; i++) {
		r = enrollment_key_generate(ret);
		if (r == 0)
			r = keys_hash_enrollment(parts->keys, ret->chars, row->secret_hash);
		if (r < 0)
			return r;
		memcpy(row->id, ret->chars, ENROLLMENT_KEY_ID_CHARS);
		r = store_enrollment_key_insert(parts->store, row);
	}
	return r;
}

static int make_key(struct core_parts *parts, const struct message_mint_key *request,
		    const struct source_address *source, struct enrollment_key *ret)
{
	struct store_new_key row = { .description = request->description,
				     .tags = request->tags,
				     .allow_from = request->allow_from,
				     .redeem_from = request->redeem_from,
				     .created_by = request->actor,
				     .networks = request->networks,
				     .approval = request->approval,
				     .environment = request->environment,
				     .workload = request->workload,
				     .absence_s = request->absence_s,
				     .rate_per_hour = request->rate_per_hour,
				     .live_max = request->live_max,
				     .hold = request->hold > 0,
				     .ephemeral = request->ephemeral > 0,
				     .max_uses = request->max_uses };
	struct store_audit_entry entry = { .event = "enrollment-key-created",
					   .actor = request->actor,
					   .detail = row.id };
	char name[128];
	int r;

	memcpy(row.organization, request->organization, sizeof(row.organization));
	r = store_organization_name(parts->store, row.organization, name, sizeof(name));
	if (r == 0)
		r = store_now(parts->store, &row.created_s);
	row.expires_s = row.created_s + request->expires_in_s;
	if (r == 0)
		r = insert_key(parts, &row, ret);
	return r != 0 ? r : audit_made(parts, row.organization, &entry, source);
}

static bool approval_is_known(const char *text)
{
	return strcmp(text, "none") == 0 || strcmp(text, "active") == 0 ||
	       strcmp(text, "always") == 0;
}

static bool is_sensible(const struct message_mint_key *request)
{
	struct cidr_list list;

	return request->max_uses >= 1 && request->max_uses <= MINT_USES_MAX &&
	       request->expires_in_s >= 1 && request->expires_in_s <= MINT_EXPIRES_MAX_S &&
	       cidr_list_parse(request->allow_from, &list) == 0 &&
	       cidr_list_parse(request->redeem_from, &list) == 0 &&
	       approval_is_known(request->approval);
}

int mint_key(struct core_parts *parts, const struct message_mint_key *request,
	     const struct source_address *source, struct message_key_minted *ret)
{
	struct enrollment_key key;
	int r;

	if (!is_sensible(request)) {
		ret->status = 400;
		snprintf(ret->code, sizeof(ret->code), "invalid");
		return 0;
	}
	r = store_begin(parts->store);
	if (r == 0)
		r = core_parts_end(parts, make_key(parts, request, source, &key));
	if (r == STORE_NO_LIST) {
		ret->status = 400;
		snprintf(ret->code, sizeof(ret->code), "invalid");
		return 0;
	}
	ret->status = r == 0 ? 201 : 503;
	if (r == 0)
		snprintf(ret->key, sizeof(ret->key), "%s", key.chars);
	else
		snprintf(ret->code, sizeof(ret->code), "unavailable");
	secret_wipe(&key, sizeof(key));
	return r <= 0 ? r : fail(-EINVAL, "admin asked for a key of an unknown organization");
}
