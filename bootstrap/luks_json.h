/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a LUKS2 header's JSON says (LUKS2 On-Disk Format 1.1.4, section 3): pure functions over the
 * parsed metadata. In it 64-bit numbers are decimal texts, and segments with a flag "backup-…"
 * aren't mapped.
 */
#pragma once

#include "bootstrap/luks.h"

#define LUKS_JSON_MAX (4 * MIB) /* the format's own limit of the JSON area */

/* Parses the metadata text, capped. The caller owns it. */
int luks_json_parse(const char *text, size_t len, json_t **ret) MUST_CHECK;

/* Fills everything but is_luks2 and uuid. -EINVAL for metadata that contradicts the format. */
int luks_json_status(const json_t *metadata, struct luks_status *ret) MUST_CHECK;

/* A clevis token that names no slot of the used key; -ENOENT without a sentence when there is none.
 */
int luks_json_idle_clevis(const json_t *metadata, const struct luks_status *status,
			  int *ret_id) MUST_CHECK;

int luks_json_salts(const json_t *metadata, struct luks_salts *ret) MUST_CHECK;

/* Both header copies and the keyslot area. */
int luks_json_header_bytes(const json_t *metadata, uint64_t *ret) MUST_CHECK;

/* The first token of a type and its id; -ENOENT without a sentence when there is none. */
int luks_json_token(const json_t *metadata, const char *type, int *ret_id,
		    json_t **ret_borrowed) MUST_CHECK;
