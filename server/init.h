/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "panocryptd init": makes the server's folder once: config.json, the key-encryption key, an own
 * CA with a short leaf, the store with one organization, its owner and an API token.
 */
#pragma once

#include "server/config.h"

/* argv[0] is the verb. The exit status; failures are logged. */
int init_main(int argc, char **argv);

/* Gives the folder and all of ours in it to the configured user, when root runs this. */
int init_give_away(const struct server_config *config) MUST_CHECK;
