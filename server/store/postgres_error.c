/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See postgres_error.h. SQLSTATE: PostgreSQL's manual, appendix A.
 */
#include "server/store/postgres_error.h"

#include <errno.h>
#include <string.h>

#include "server/store/db.h"

static const struct {
	const char *state; /* its beginning; the first row that fits counts */
	int r;
	const char *sentence; /* what to do */
} rows[] = {
	{ "55P03", -EBUSY, "the store is held by another process: try again" },
	{ "40", -EBUSY, "the store is held by another process: try again" },
	{ "57014", -EBUSY, "the database is too slow: look at its load and its log" },
	{ "57P", -EBUSY, "the database is stopping or starting: try again" },
	{ "25P03", -EBUSY, "the database ended a transaction that stood still: try again" },
	{ "53300", -EBUSY, "the database has no connection left: raise its max_connections" },
	{ "08", -EBUSY, "the connection to the database is lost: try again" },
	{ "53100", -ENOSPC, "the disk with the database is full: free some space" },
	{ "53200", -ENOMEM, "the database is out of memory" },
	{ "25006", -EACCES, "the database takes no changes: connect to the primary" },
	{ "42501", -EACCES, "the store can't be written: make our role the database's owner" },
	{ "28", -EACCES,
	  "the database doesn't let us in: check the role, its password file and "
	  "pg_hba.conf" },
	{ "3D000", -ENOENT, "there is no such database: create it" },
	{ "22021", -EINVAL, "a text isn't UTF-8" },
	{ "XX", -EIO, "the database is damaged: look at its log, restore a backup" },
	{ "58", -EIO, "the database's disk fails: look at its log" },
	{ "", -EIO, "the database fails: look at its log" },
};

int postgres_error(const char *state, const char *message)
{
	if (strcmp(state, "23505") == 0)
		return DB_CONFLICT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strncmp(state, rows[i].state, strlen(rows[i].state)) == 0)
			return fail(rows[i].r, "%s (%s)", rows[i].sentence, message);
	return fail(-EIO, "the database fails (%s)", message);
}
