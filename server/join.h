/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of "panocryptd init --join" that differs from a first init: another server's keys are
 * taken over instead of made.
 */
#pragma once

#include "server/config.h"

/* Checks that the key from folder "from" is the key of config's store, then copies kek, ca.key and
 * ca.pem into config's folder and makes a leaf certificate. Copies nothing when it fails before. */
int join_store(const struct server_config *config, const char *from) MUST_CHECK;
