/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the store's URL and finds the addresses of its hosts, before the sandbox: no name is
 * resolved later, so that a dead resolver can't hold anybody up and no lookup needs to be allowed.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/store/store_postgres.h"

#define DEFAULT_FOLDER "/run/postgresql"
#define DEFAULT_PORT "5432"
#define ADDRESS_SIZE 64

/* What the URL doesn't say. gssencmode: Kerberos would read files of its own. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "client_encoding", "UTF8" },
	{ "application_name", "panocryptd" },
	{ "gssencmode", "disable" },
	{ "target_session_attrs", "read-write" },
};

static int check_options(const PQconninfoOption *options, bool is_network)
{
	bool has_sslmode = false;

	for (; options->keyword; options++) {
		if (!options->val)
			continue;
		if (strcmp(options->keyword, "password") == 0 ||
		    strcmp(options->keyword, "sslpassword") == 0)
			return fail(-EINVAL,
				    "a password doesn't belong into the URL, which others may "
				    "read: write a password file and name it with passfile=FILE");
		if (strcmp(options->keyword, "passfile") == 0 && access(options->val, R_OK) != 0)
			return fail(-EACCES, "the password file %s can't be read: %s", options->val,
				    strerror(errno));
		has_sslmode |= strcmp(options->keyword, "sslmode") == 0;
	}
	if (is_network && !has_sslmode)
		return fail(-EINVAL, "say sslmode=verify-full&sslrootcert=FILE, or sslmode=disable "
				     "for a connection that nobody else can touch");
	return 0;
}

static const char *option(const PQconninfoOption *options, const char *name)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val && *options->val ? options->val : NULL;
	return NULL;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int add_address(struct pg *pg, const char *host, const char *address, const char *port)
{
	struct pg_address *to = &pg->addresses[pg->address_count];

	if (pg->address_count == PG_ADDRESSES_MAX)
		return 0; /* enough to try */
	*to = (struct pg_address){ strdup(host), address ? strdup(address) : NULL, strdup(port) };
	pg->address_count++;
	if (!to->host || (address && !to->address) || !to->port)
		return fail(-ENOMEM, "out of memory");
	return 0;
}

static int resolve(struct pg *pg, const char *host, const char *name, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int code = getaddrinfo(name, NULL, &hints, &found), r = 0;

	if (code != 0)
		return fail(-ENOENT, "the database's host %s has no address: %s", name,
			    gai_strerror(code));
	for (const struct addrinfo *one = found; r == 0 && one; one = one->ai_next) {
		char text[ADDRESS_SIZE];

		if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0,
				NI_NUMERICHOST) == 0)
			r = add_address(pg, host, text, port);
	}
	freeaddrinfo(found);
	return r;
}

/* The next of a list with commas; "" behind its end. */
static const char *next_of(char **list)
{
	const char *one = strsep(list, ",");

	return one ? one : "";
}

/* host, hostaddr and port are lists of the same length; one port serves all. */
static int find_addresses(struct pg *pg, const PQconninfoOption *options)
{
	const char *host_list = option(options, "host"), *port_list = option(options, "port");
	const char *address_list = option(options, "hostaddr"), *port = DEFAULT_PORT;
	CLEANUP_FREE char *hosts = strdup(host_list ? host_list : "");
	CLEANUP_FREE char *addresses = strdup(address_list ? address_list : "");
	CLEANUP_FREE char *ports = strdup(port_list ? port_list : "");
	char *next_host = hosts, *next_address = addresses, *next_port = ports;
	int r = 0;

	if (!hosts || !addresses || !ports)
		return fail(-ENOMEM, "out of memory");
	while (r == 0 && (next_host || next_address)) {
		const char *host = next_of(&next_host), *address = next_of(&next_address);
		const char *own_port = next_of(&next_port);

		port = *own_port ? own_port : port;
		if (!*address && (!*host || *host == '/')) {
			r = add_address(pg, *host ? host : DEFAULT_FOLDER, NULL, port);
			pg->reach = MAX(pg->reach, PROCESS_REACH_SOCKET);
		} else {
			r = resolve(pg, *host ? host : address, *address ? address : host, port);
			pg->reach = PROCESS_REACH_NETWORK;
		}
	}
	return r;
}

/* --- the rest -------------------------------------------------------------------------------- */

static int add_value(struct pg *pg, size_t *count, const char *name, const char *value)
{
	pg->names[*count] = strdup(name);
	pg->values[*count] = strdup(value);
	if (!pg->names[*count] || !pg->values[*count])
		return fail(-ENOMEM, "out of memory");
	++*count;
	return 0;
}

static bool is_address_part(const char *name)
{
	return strcmp(name, "host") == 0 || strcmp(name, "hostaddr") == 0 ||
	       strcmp(name, "port") == 0;
}

static int keep_values(struct pg *pg, const PQconninfoOption *options)
{
	size_t count = 0, most = ARRAY_SIZE(defaults) + 2; /* user, NULL */
	int r = 0;

	for (const PQconninfoOption *one = options; one->keyword; one++)
		most++;
	pg->names = calloc(most, sizeof(*pg->names));
	pg->values = calloc(most, sizeof(*pg->values));
	if (!pg->names || !pg->values)
		return fail(-ENOMEM, "out of memory");
	for (const PQconninfoOption *one = options; r == 0 && one->keyword; one++)
		if (one->val && !is_address_part(one->keyword))
			r = add_value(pg, &count, one->keyword, one->val);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(defaults); i++)
		if (!option(options, defaults[i].name))
			r = add_value(pg, &count, defaults[i].name, defaults[i].value);
	return r;
}

static int read_options(struct pg *pg, const PQconninfoOption *options)
{
	int r = check_options(options, false);

	if (r == 0)
		r = find_addresses(pg, options);
	if (r == 0)
		r = check_options(options, pg->reach == PROCESS_REACH_NETWORK);
	return r < 0 ? r : keep_values(pg, options);
}

int pg_read_place(struct pg *pg, const char *url)
{
	PQconninfoOption *options;
	char *why = NULL;
	int r;

	options = PQconninfoParse(url, &why);
	if (!options) {
		r = fail(-EINVAL, "the store's URL isn't understood: %.200s", why ? why : "");
		PQfreemem(why);
		return r;
	}
	r = read_options(pg, options);
	PQconninfoFree(options);
	return r < 0 ? fail_at(r, "the store's URL") : 0;
}

void pg_forget_place(struct pg *pg)
{
	for (size_t i = 0; i < pg->address_count; i++) {
		free(pg->addresses[i].host);
		free(pg->addresses[i].address);
		free(pg->addresses[i].port);
	}
	for (size_t i = 0; pg->names && pg->names[i]; i++) {
		free(pg->names[i]);
		free(pg->values[i]);
	}
	free(pg->names);
	free(pg->values);
}
