/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The courier process: posts what core gives it to who is outside, and returns what came back as
 * numbers. The only process with a way out; it has no database, no key and no client, and decides
 * nothing. Connects to no private address that the operator hasn't named.
 */
#pragma once

#include "server/cidr.h"

struct courier_setup {
	int monitor_fd, core_fd;
	const struct cidr_list *private_targets; /* that it may connect to all the same */
};

/* Serves until the monitor's or core's end closes. 0 or negative with a sentence. */
int courier_main(const struct courier_setup *setup) MUST_CHECK;
