/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * {"checkpoint":7,"gap_from":0,"lanes":[{"hash":…,"organization":…,"seq":…,"writer":…}],
 * "previous":…,"pruned_to":0,"time":…}, sorted and compact, then signed. docs/audit.md has it for
 * people.
 */
#include "server/core/checkpoint_format.h"

#include <errno.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/jwk.h"
#include "common/strbuf.h"

void checkpoint_done(struct checkpoint *checkpoint)
{
	json_decref(checkpoint->lanes);
	checkpoint->lanes = NULL;
}

int checkpoint_add_lane(json_t *lanes, const struct store_lane *lane)
{
	char organization[2 * ORGANIZATION_ID_BYTES + 1], hash[2 * sizeof(lane->hash) + 1];
	json_t *value;

	text_hex(organization, lane->organization, sizeof(lane->organization));
	text_hex(hash, lane->hash, sizeof(lane->hash));
	value = json_pack("{s:s, s:s, s:s, s:I}", "hash", hash, "organization", organization,
			  "writer", lane->writer, "seq", (json_int_t)lane->lane_seq);
	if (json_array_append_new(lanes, value))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

int checkpoint_sign(const struct checkpoint *checkpoint, const json_t *key, char **ret)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	value = json_pack("{s:I, s:I, s:I, s:I, s:s, s:O}", "gap_from",
			  (json_int_t)checkpoint->gap_from, "checkpoint",
			  (json_int_t)checkpoint->serial, "time", (json_int_t)checkpoint->time_s,
			  "pruned_to", (json_int_t)checkpoint->pruned_to, "previous",
			  checkpoint->previous, "lanes", checkpoint->lanes);
	if (!value)
		return fail(-ENOMEM, "out of memory");
	r = js_print(value, &text);
	return r < 0 ? r : jwk_sign_text(key, text, ret);
}

int checkpoint_parse(const char *payload, struct checkpoint *ret)
{
	CLEANUP_CHECKPOINT struct checkpoint checkpoint = CHECKPOINT_EMPTY;
	CLEANUP_JSON json_t *value = NULL;
	int r;

	r = js_parse(payload, strlen(payload), CHECKPOINT_MAX_BYTES, &value);
	if (r == 0)
		r = js_u64(value, "checkpoint", &checkpoint.serial);
	if (r == 0)
		r = js_u64(value, "time", &checkpoint.time_s);
	if (r == 0)
		r = js_u64(value, "pruned_to", &checkpoint.pruned_to);
	if (r == 0)
		r = js_u64(value, "gap_from", &checkpoint.gap_from);
	if (r == 0)
		r = js_copy(value, "previous", checkpoint.previous, sizeof(checkpoint.previous));
	if (r == 0)
		r = js_array(value, "lanes", &checkpoint.lanes);
	if (r < 0) {
		checkpoint.lanes = NULL;
		return r;
	}
	json_incref(checkpoint.lanes);
	*ret = checkpoint;
	checkpoint = CHECKPOINT_EMPTY;
	return 0;
}

int checkpoint_read(const char *text, const json_t *key, struct checkpoint *ret)
{
	CLEANUP_FREE char *payload = NULL;
	int r = jwk_verify_text(key, text, CHECKPOINT_MAX_BYTES, &payload);

	return r < 0 ? r : checkpoint_parse(payload, ret);
}

static int read_lane(const json_t *value, struct store_lane *ret)
{
	const char *organization, *hash;
	int r;

	r = js_string(value, "organization", &organization);
	if (r == 0)
		r = text_unhex(ret->organization, sizeof(ret->organization), organization);
	if (r == 0)
		r = js_string(value, "hash", &hash);
	if (r == 0)
		r = text_unhex(ret->hash, sizeof(ret->hash), hash);
	if (r == 0)
		r = js_copy(value, "writer", ret->writer, sizeof(ret->writer));
	return r < 0 ? r : js_u64(value, "seq", &ret->lane_seq);
}

int checkpoint_lanes(const struct checkpoint *checkpoint, store_lane_each each, void *userdata)
{
	json_t *value;
	size_t i;

	json_array_foreach (checkpoint->lanes, i, value) {
		struct store_lane lane;
		int r = read_lane(value, &lane);

		if (r == 0)
			r = each(&lane, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

int checkpoint_hash(const char *text, char ret[static CHECKPOINT_HASH_CHARS + 1])
{
	uint8_t hash[SHA256_BYTES];
	int r = sha256(text, strlen(text), hash);

	if (r == 0)
		text_hex(ret, hash, sizeof(hash));
	return r;
}
