/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that the server hands out: install.sh, the bootstrappers by architecture, its CA. Read
 * once, at start; what is served is what was there then.
 */
#pragma once

#include "server/config.h"

#define ASSETS_MAX 8
#define ASSET_MAX_BYTES (64 * MIB)

struct asset {
	char name[64]; /* "install.sh", "bootstrap-x86_64", "ca.pem" */
	char *data;
	size_t len;
	char sha256_hex[65];
};

struct assets {
	struct asset items[ASSETS_MAX];
	size_t count;
};

/* Missing files are left out: the server runs without an installer too. */
int assets_load(const struct server_config *config, struct assets *ret) MUST_CHECK;
void assets_free(struct assets *assets);

/* NULL: not there. */
const struct asset *assets_find(const struct assets *assets, const char *name);
