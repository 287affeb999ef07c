/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which path is what on the unlock listener: a pure function over the path as sent (never
 * percent-decoded; several slashes count as one, as tang has it).
 */
#pragma once

#include "server/edge/http.h"
#include "server/message.h"

enum front_route { FRONT_HEALTH, FRONT_ADVERTISE, FRONT_RECOVER, FRONT_ROUTE_COUNT };

struct front_target {
	enum front_route route;
	uint8_t device[DEVICE_ID_BYTES];
	/* "": none was named. "?": one that can't be ours, so that core refuses and counts it. */
	char thumbprint[THUMBPRINT_CHARS + 1];
};

/* 0, 404 or 405. */
int front_route(const struct request *request, struct front_target *ret) MUST_CHECK;
