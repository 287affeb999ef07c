/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting for PostgreSQL with a limit; libpq's own calls that wait have none.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "server/store/postgres_error.h"
#include "server/store/store_postgres.h"

uint64_t pg_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Sends what is queued and reads until a part of the answer is whole. False: lost, or too late. */
static bool wait_for_part(PGconn *connection, uint64_t until_ms)
{
	for (;;) {
		struct pollfd one = { .fd = PQsocket(connection), .events = POLLIN };
		int unsent = PQflush(connection);
		uint64_t now = pg_now_ms();

		if (unsent < 0)
			return false;
		if (unsent == 0 && !PQisBusy(connection))
			return true;
		if (unsent > 0)
			one.events |= POLLOUT;
		if (now >= until_ms || (poll(&one, 1, (int)(until_ms - now)) < 0 && errno != EINTR))
			return false;
		if (one.revents & ~POLLOUT && !PQconsumeInput(connection))
			return false;
	}
}

static bool is_failure(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
}

PGresult *pg_answer(struct pg *pg, uint64_t limit_ms)
{
	CLEANUP_RESULT PGresult *kept = NULL;
	uint64_t until_ms = pg_now_ms() + limit_ms;

	while (pg->connection && wait_for_part(pg->connection, until_ms)) {
		PGresult *part = PQgetResult(pg->connection);

		if (!part && PQstatus(pg->connection) == CONNECTION_OK)
			return TAKE_PTR(kept);
		if (!part)
			break;
		if (kept && is_failure(kept)) {
			PQclear(part);
			continue;
		}
		PQclear(kept);
		kept = part;
	}
	pg_drop(pg);
	return NULL;
}

int pg_judge(const PGresult *result)
{
	const char *state, *message;

	if (!result)
		return fail(-EBUSY, "the database doesn't answer, or its connection is lost: "
				    "try again");
	if (!is_failure(result))
		return 0;
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	return postgres_error(state ? state : "", message ? message : "no reason given");
}

int pg_simple(struct pg *pg, const char *sql, uint64_t limit_ms, PGresult **ret)
{
	CLEANUP_RESULT PGresult *result = NULL;
	int r;

	if (pg->connection && PQsendQuery(pg->connection, sql))
		result = pg_answer(pg, limit_ms);
	else
		pg_drop(pg);
	r = pg_judge(result);
	if (r == 0 && ret)
		*ret = TAKE_PTR(result);
	return r;
}
