/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The addresses in config.json and in init's options: the URL that somebody calls, and where the
 * server listens. Pure.
 */
#pragma once

#include "common/base.h"

#define CONFIG_HOST_SIZE 254
#define CONFIG_URL_SIZE 272
#define CONFIG_LISTEN_SIZE 80

/* https://host:port, in pieces. */
struct config_url {
	/* normalized: lower case, port always there, no slash at the end */
	char text[CONFIG_URL_SIZE];
	char host[CONFIG_HOST_SIZE]; /* an IPv6 literal stands without its brackets */
	uint16_t port;
	bool is_address;
};

/* Where to listen: an IPv4 or IPv6 address (without brackets) and a port. "::" takes both. */
struct config_listen {
	char host[CONFIG_LISTEN_SIZE];
	uint16_t port;
};

/* Is it a DNS name that fits, and no address? */
bool config_is_name(const char *text);

/* "https://name[:port]" into its pieces; https only, no path, no user. -EINVAL with a sentence. */
int config_parse_url(const char *text, struct config_url *ret) MUST_CHECK;

/* "ADDR:PORT", "[ADDR]:PORT". -EINVAL with a sentence. */
int config_parse_listen(const char *text, struct config_listen *ret) MUST_CHECK;

/* The text that config_parse_listen() reads; the caller frees it. */
int config_print_listen(const struct config_listen *listen, char **ret) MUST_CHECK;
