/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the machine is connected right now: the interface of the default route, its addresses,
 * gateways, resolvers.
 */
#pragma once

#include "bootstrap/facts.h"

/* Fills the net_* and dns members. Addresses are "192.0.2.5/24", gateways without a prefix. */
void net_look(struct facts *facts);
