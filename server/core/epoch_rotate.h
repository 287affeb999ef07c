/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change of epoch: a new KEK, every device's keys wrapped anew, the old KEK put away or
 * destroyed. May be cut at any moment and is finished by running it again; the server goes on
 * meanwhile (docs/kek.md has the steps).
 */
#pragma once

#include "server/core/epoch.h"

struct epoch_rotated {
	char from[EPOCH_ID_SIZE], to[EPOCH_ID_SIZE];
	uint64_t rewrapped; /* keys, by this run */
	uint64_t destroyed; /* epochs */
};

int epoch_rotate(const struct server_config *config, struct store *store, bool destroy_old,
		 struct epoch_rotated *ret) MUST_CHECK;
