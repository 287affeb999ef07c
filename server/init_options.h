/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What "panocryptd init" is told on its command line, checked, and the configuration that it asks
 * for. Writes nothing.
 */
#pragma once

#include "common/options.h"
#include "server/config.h"
#include "server/core/kek_copy.h"

struct init_options {
	const char *dir, *url, *admin_url, *organization, *admin;
	const char *listen, *admin_listen, *assets, *user, *witness, *kek;
	const char *store, *node, *join;
	struct kek_copy_seal copy;
	struct option_list names;
};

/* argv[0] is the verb. Both are the caller's, zeros but for what is the default; texts belong to
 * argv. The copy isn't loaded. -EINVAL with a sentence that names the option. */
int init_options_read(int argc, char **argv, struct init_options *options,
		      struct server_config *config) MUST_CHECK;

/* The usage text; the caller frees it. */
int init_options_usage(char **ret) MUST_CHECK;
