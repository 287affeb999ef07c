/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What jwk.c and jwk_tang.c share. For these two files only.
 */
#pragma once

#include "common/json.h"

#include <jose/cfg.h>

/* -ENOMEM with its sentence. */
int jwk_no_memory(void) MUST_CHECK;

/* A configuration that prints nothing. NULL when out of memory, which libjose accepts. */
jose_cfg_t *jwk_quiet(void);

/* Removes what ties a key to another algorithm or use. */
void jwk_untie(json_t *jwk);

/* {"keys":[public…]} of an array of keys or of a set. */
int jwk_public_set(const json_t *keys, json_t **ret) MUST_CHECK;

/* Decodes a base64url member that holds JSON. */
int jwk_load_member(const json_t *object, const char *name, size_t max_bytes,
		    json_t **ret) MUST_CHECK;
