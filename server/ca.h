/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's own CA and its leaf: made by "init", the leaf renewed at start. The only file that
 * makes X.509. EC P-256, RFC 5280 profile: CA with pathlen 0 and key usage, leaf with serverAuth.
 */
#pragma once

#include "server/config.h"

#define CA_YEARS 20
#define LEAF_DAYS 90

/* Makes CA and leaf (names of both URLs) into the folder; refuses to replace a CA. */
int ca_create(const struct server_config *config, const char *organization) MUST_CHECK;

/* Makes a new leaf (new key) when the present one is past half its life, doesn't carry the
 * configured names, or is missing. Call before the listeners open. *ret_renewed may be NULL. */
int ca_renew_leaf(const struct server_config *config, bool *ret_renewed) MUST_CHECK;
