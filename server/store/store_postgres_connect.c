/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections: making one, its settings, noticing that it is dead, making another. What is done
 * here is done inside the sandbox too.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "server/store/store_postgres.h"

#define OLDEST_SERVER 150000
#define NAMES_MORE 4

/* The server gives up a little before we do, so that its reason arrives. A node that stands still
 * in a transaction, or whose machine is gone, keeps its locks for this long only. */
static const char settings[] =
	"SET statement_timeout = '4s'; SET lock_timeout = '3s';"
	"SET idle_in_transaction_session_timeout = '5s'; SET client_min_messages = 'error';"
	"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
	"SET tcp_keepalives_count = 3; SET tcp_user_timeout = '15s';"
	"SELECT current_setting('fsync'), current_setting('full_page_writes'),"
	" current_setting('server_encoding'), current_setting('synchronous_commit')";

/* What a database must have to be told what may not be lost. */
static const struct {
	const char *wanted, *refused, *what;
} durable[] = {
	{ "on", NULL, "fsync" },
	{ "on", NULL, "full_page_writes" },
	{ "UTF8", NULL, "server_encoding" },
	{ NULL, "off", "synchronous_commit" },
};

void pg_drop(struct pg *pg)
{
	if (pg->connection)
		PQfinish(pg->connection);
	pg->connection = NULL;
	pg->statement_count = 0;
}

static void say_nothing(void *userdata UNUSED, const char *message UNUSED)
{
}

/* --- one attempt ----------------------------------------------------------------------------- */

/* 0, or -ETIMEDOUT, or -ECONNREFUSED: then libpq has a reason. */
static int wait_for_connection(PGconn *connection, uint64_t until_ms)
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	while (wanted != PGRES_POLLING_OK) {
		struct pollfd one = { .fd = PQsocket(connection) };
		uint64_t now = pg_now_ms();

		if (wanted == PGRES_POLLING_FAILED || one.fd < 0)
			return -ECONNREFUSED;
		if (now >= until_ms)
			return -ETIMEDOUT;
		one.events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (poll(&one, 1, (int)(until_ms - now)) > 0)
			wanted = PQconnectPoll(connection);
	}
	return 0;
}

/* libpq's reasons have line ends in them. */
static int fail_connect(const struct pg_address *address, const char *message)
{
	CLEANUP_FREE char *why = strdup(message);

	for (char *c = why; c && *c; c++)
		if (*c == '\n')
			*c = c[1] ? ';' : '\0';
	return fail(-EBUSY, "the database at %s port %s can't be reached: %s", address->host,
		    address->port, why && *why ? why : "it doesn't answer");
}

static int connect_to(struct pg *pg, const struct pg_address *address)
{
	uint64_t limit_ms = pg->address_count > 1 ? PG_CONNECT_ONE_MS : PG_CONNECT_MS;
	const char *names[64], *values[64];
	size_t count = 0;
	PGconn *connection;
	int r;

	for (; count < ARRAY_SIZE(names) - NAMES_MORE && pg->names[count]; count++) {
		names[count] = pg->names[count];
		values[count] = pg->values[count];
	}
	names[count] = "host";
	values[count++] = address->host;
	names[count] = "hostaddr";
	values[count++] = address->address;
	names[count] = "port";
	values[count++] = address->port;
	names[count] = NULL;
	values[count] = NULL;
	connection = PQconnectStartParams(names, values, 0);
	r = connection && PQstatus(connection) != CONNECTION_BAD
		    ? wait_for_connection(connection, pg_now_ms() + limit_ms)
		    : -ECONNREFUSED;
	if (r == 0) {
		PQsetNoticeProcessor(connection, say_nothing, NULL);
		PQsetnonblocking(connection, 1);
		pg->connection = connection;
		return 0;
	}
	r = fail_connect(address, r == -ETIMEDOUT ? "" : PQerrorMessage(connection));
	PQfinish(connection);
	return r;
}

/* --- its settings ---------------------------------------------------------------------------- */

static int check_durable(const PGresult *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(durable); i++) {
		const char *value = PQgetvalue(result, 0, (int)i);

		if ((durable[i].wanted && strcmp(value, durable[i].wanted) != 0) ||
		    (durable[i].refused && strcmp(value, durable[i].refused) == 0))
			return fail(-EINVAL,
				    "the database has %s = %s: what it has confirmed may be lost "
				    "or garbled; set it to %s",
				    durable[i].what, value,
				    durable[i].wanted ? durable[i].wanted : "on");
	}
	return 0;
}

static int set_up(struct pg *pg)
{
	CLEANUP_RESULT PGresult *result = NULL;
	int r;

	if (PQserverVersion(pg->connection) < OLDEST_SERVER)
		return fail(-EINVAL, "the database is PostgreSQL %d: 15 or newer is needed",
			    PQserverVersion(pg->connection) / 10000);
	r = pg_simple(pg, settings, PG_STATEMENT_MS, &result);
	if (r == 0)
		r = check_durable(result);
	if (r == 0 && pg->writer[0])
		r = pg_claim(pg);
	return r;
}

/* 32 bits of FNV-1a: two writers of one database hardly ever meet, and would only be refused. */
static int32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	return (int32_t)hash;
}

int pg_claim(struct pg *pg)
{
	CLEANUP_RESULT PGresult *result = NULL;
	char sql[128];
	int r;

	snprintf(sql, sizeof(sql), "SELECT pg_try_advisory_lock(" PG_CLASS_WRITER ", %d)",
		 hash_name(pg->writer));
	r = pg_simple(pg, sql, PG_STATEMENT_MS, &result);
	if (r == 0 && strcmp(PQgetvalue(result, 0, 0), "t") != 0)
		return fail(-EBUSY,
			    "another \"%s\" is connected to this database: give each node its own "
			    "\"node\" in config.json",
			    pg->writer);
	return r;
}

/* --- any ------------------------------------------------------------------------------------- */

/* Tries each address once, beginning with the one that served last, as long as there is time; the
 * next attempt goes on from there. */
static int connect_any(struct pg *pg, uint64_t limit_ms)
{
	uint64_t until_ms = pg_now_ms() + limit_ms;
	int r = -EBUSY;

	for (size_t i = 0; i < pg->address_count && (i == 0 || pg_now_ms() < until_ms); i++) {
		r = connect_to(pg, &pg->addresses[pg->address]);
		if (r == 0)
			r = set_up(pg);
		if (r == 0)
			return 0;
		pg_drop(pg);
		pg->address = (pg->address + 1) % pg->address_count;
	}
	pg->pause_until_ms = pg_now_ms() + PG_PAUSE_MS;
	return r < 0 ? r : fail(-EIO, "the database contradicts itself");
}

/* A server that stopped has told us: what is readable while nothing was asked is its farewell. */
static bool has_ended(PGconn *connection)
{
	struct pollfd one = { .fd = PQsocket(connection), .events = POLLIN };

	for (int i = 0; i < 3 && poll(&one, 1, 0) > 0; i++)
		if (!PQconsumeInput(connection))
			return true;
	return PQstatus(connection) != CONNECTION_OK;
}

int pg_ready(struct pg *pg)
{
	int r;

	if (pg->in_transaction)
		return pg->connection ? 0
				      : fail(-EBUSY, "the connection to the database was lost in "
						     "the middle of a transaction: try again");
	if (pg->connection && has_ended(pg->connection))
		pg_drop(pg);
	if (pg->connection)
		return 0;
	if (pg_now_ms() < pg->pause_until_ms)
		return fail(-EBUSY, "the database can't be reached: it is tried again every "
				    "second");
	r = connect_any(pg, PG_CONNECT_ALL_MS);
	if (r == 0)
		log_info("connected to the database again");
	return r;
}

/* What libpq would look up for each connection: our name in the system, the database's name. */
static int keep_identity(struct pg *pg)
{
	size_t count = 0;

	for (; pg->names[count]; count++)
		if (strcmp(pg->names[count], "user") == 0)
			return 0;
	pg->names[count] = strdup("user");
	pg->values[count] = strdup(PQuser(pg->connection));
	return pg->names[count] && pg->values[count] ? 0 : fail(-ENOMEM, "out of memory");
}

int pg_open(const char *url, struct pg **ret)
{
	CLEANUP(pg_closep) struct pg *pg = calloc(1, sizeof(*pg));
	int r;

	if (!pg)
		return fail(-ENOMEM, "out of memory");
	r = pg_read_place(pg, url);
	if (r == 0)
		r = connect_any(pg, PG_ADDRESSES_MAX * PG_CONNECT_MS);
	if (r == 0)
		r = keep_identity(pg);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pg);
	return 0;
}

void pg_close(struct pg *pg)
{
	pg_drop(pg);
	pg_forget_place(pg);
	free(pg);
}
