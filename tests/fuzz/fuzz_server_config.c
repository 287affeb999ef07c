/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.json: what is accepted prints to a text that is accepted again, and says the same.
 * FUZZ_SOURCES: server/config*.c
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct server_config config, again;
	CLEANUP_FREE char *text = NULL;

	memset(&config, 0, sizeof(config));
	if (config_parse((const char *)data, len, "/srv/p", &config) < 0)
		return 0;
	if (config.url.is_address || config.fronts < 1)
		abort();
	if (config_print(&config, &text) < 0)
		abort();
	memset(&again, 0, sizeof(again));
	if (config_parse(text, strlen(text), "/srv/p", &again) < 0 ||
	    strcmp(config.url.text, again.url.text) != 0 ||
	    strcmp(config.admin_url.text, again.admin_url.text) != 0 ||
	    strcmp(config.listen.host, again.listen.host) != 0 ||
	    config.admin_listen.port != again.admin_listen.port ||
	    strcmp(config.assets, again.assets) != 0 || strcmp(config.store, again.store) != 0 ||
	    strcmp(config.node, again.node) != 0)
		abort();
	return 0;
}
