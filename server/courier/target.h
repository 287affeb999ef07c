/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which addresses the courier may connect to. Pure.
 */
#pragma once

#include "server/cidr.h"

/* Loopback, private, link-local, shared, reserved, multicast, or one that leads to such an IPv4
 * address from inside an IPv6 one. */
bool target_is_private(const struct source_address *address);

/* Public, or in one of the operator's ranges. */
bool target_is_allowed(const struct cidr_list *allowed, const struct source_address *address);
