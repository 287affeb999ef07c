/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See config_address.h. */
#include "server/config_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"

/* Behind https://, so that the port fits too. */
#define URL_REST_MAX (CONFIG_URL_SIZE - 17)

static bool is_address(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* A DNS name: labels of letters, digits and dashes (RFC 1123), not all digits in the last one. */
static bool is_host_name(const char *host)
{
	const char *label = host;
	bool letters = false;

	for (const char *c = host;; c++) {
		if (*c == '.' || *c == '\0') {
			size_t len = (size_t)(c - label);

			if (len == 0 || len > 63 || label[0] == '-' || c[-1] == '-')
				return false;
			if (*c == '\0')
				return letters;
			label = c + 1;
			letters = false;
		} else if (isalpha((unsigned char)*c) || *c == '-') {
			letters = true;
		} else if (!isdigit((unsigned char)*c)) {
			return false;
		}
	}
}

static int parse_port(const char *text, uint16_t *ret)
{
	uint64_t port;

	if (text_u64(text, &port) < 0 || port < 1 || port > 65535)
		return fail(-EINVAL, "a port must be a number from 1 to 65535");
	*ret = (uint16_t)port;
	return 0;
}

/* "host", "host:port", "[v6]:port" into host and port text ("" when there is none). */
static int split_host(const char *text, char *ret_host, size_t size, const char **ret_port)
{
	const char *end, *host = text;

	if (*text == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return fail(-EINVAL, "an address in brackets must end with ] or ]:port");
		*ret_port = end[1] == ':' ? end + 2 : "";
	} else {
		end = strchr(host, ':');
		*ret_port = end ? end + 1 : "";
		end = end ? end : host + strlen(host);
	}
	if (end == host || (size_t)(end - host) >= size)
		return fail(-EINVAL, "the host name is missing or too long");
	for (const char *c = host; c < end; c++)
		*ret_host++ = (char)tolower((unsigned char)*c);
	*ret_host = '\0';
	return 0;
}

bool config_is_name(const char *text)
{
	return strlen(text) < CONFIG_HOST_SIZE && !is_address(text) && is_host_name(text);
}

int config_parse_url(const char *text, struct config_url *ret)
{
	char rest[URL_REST_MAX + 1];
	struct config_url url = { .port = 443 };
	const char *port;
	size_t len;
	int r;

	if (strncmp(text, "https://", 8) != 0)
		return fail(-EINVAL, "a URL must start with https://");
	len = strlen(text + 8);
	if (len > URL_REST_MAX)
		return fail(-EINVAL, "the URL is longer than %d bytes", URL_REST_MAX);
	memcpy(rest, text + 8, len + 1);
	if (len > 0 && rest[len - 1] == '/')
		rest[len - 1] = '\0';
	if (strpbrk(rest, "/?#@"))
		return fail(-EINVAL, "a URL must be https://name:port, without user or path");
	r = split_host(rest, url.host, sizeof(url.host), &port);
	if (r == 0 && *port)
		r = parse_port(port, &url.port);
	if (r < 0)
		return r;
	url.is_address = is_address(url.host);
	if (!url.is_address && !is_host_name(url.host))
		return fail(-EINVAL, "the host of a URL must be a DNS name or an address");
	snprintf(url.text, sizeof(url.text),
		 strchr(url.host, ':') ? "https://[%s]:%u" : "https://%s:%u", url.host, url.port);
	*ret = url;
	return 0;
}

int config_parse_listen(const char *text, struct config_listen *ret)
{
	struct config_listen listen;
	const char *port;
	int r;

	r = split_host(text, listen.host, sizeof(listen.host), &port);
	if (r == 0)
		r = parse_port(port, &listen.port);
	if (r < 0)
		return r;
	if (!is_address(listen.host))
		return fail(-EINVAL, "a listening address must be ADDRESS:PORT or [ADDRESS]:PORT, "
				     "not a name");
	*ret = listen;
	return 0;
}

int config_print_listen(const struct config_listen *listen, char **ret)
{
	return text_format(ret, strchr(listen->host, ':') ? "[%s]:%u" : "%s:%u", listen->host,
			   listen->port);
}
