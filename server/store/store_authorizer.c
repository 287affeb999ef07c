/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The external authorizer of an organization: at most one row. Changing it is a change of policy
 * like any other: no answer decided under the old one leaves after this has returned.
 */
#include <errno.h>
#include <string.h>

#include "common/aead.h"
#include "server/store/store_internal.h"

static int take_authorizer(const struct db_row *row, void *userdata)
{
	struct store_authorizer *authorizer = userdata;
	struct {
		char *to;
		size_t size;
	} texts[] = {
		{ authorizer->url, sizeof(authorizer->url) },
		{ authorizer->ca, sizeof(authorizer->ca) },
		{ authorizer->curve, sizeof(authorizer->curve) },
		{ authorizer->x, sizeof(authorizer->x) },
		{ authorizer->y, sizeof(authorizer->y) },
		{ authorizer->created_by, sizeof(authorizer->created_by) },
	};
	int r = db_blob_copy(row, 0, authorizer->version, sizeof(authorizer->version));

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = db_text_copy(row, (int)i + 1, texts[i].to, texts[i].size);
	authorizer->created_s = db_number(row, 7);
	return r;
}

int store_authorizer(struct store *store, const uint8_t organization[static 16],
		     struct store_authorizer *ret)
{
	return store_one(store,
			 "SELECT version, url, ca, curve, x, y, created_by, created_s"
			 " FROM authorizer WHERE organization = $1",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES)), take_authorizer,
			 ret);
}

static int delete_row(struct store *store, const struct store_by *by)
{
	return db_run(store->db, "DELETE FROM authorizer WHERE organization = $1",
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES)));
}

/* One where there was none only denies more; another may say yes where the first said no. */
static int guard_replaced(struct store *store, const struct store_by *by)
{
	struct store_authorizer old;
	int r = store_authorizer(store, by->organization, &old);

	if (r == STORE_NOT_FOUND && !by->proposal)
		return 0;
	return r < 0 ? r : store_guard(store, by, SUBJECT_AUTHORIZER, "");
}

static int replace(struct store *store, const struct store_by *by,
		   const struct store_authorizer *authorizer, const char *detail)
{
	uint8_t version[AUTHORIZER_VERSION_BYTES];
	uint64_t now_s;
	int r;

	r = guard_replaced(store, by);
	if (r == 0)
		r = random_bytes(version, sizeof(version));
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r == 0)
		r = delete_row(store, by);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO authorizer (organization, version, url, ca, curve, x, y,"
			   " created_by, created_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_BLOB(version, sizeof(version)), DB_TEXT(authorizer->url),
				   DB_TEXT(authorizer->ca), DB_TEXT(authorizer->curve),
				   DB_TEXT(authorizer->x), DB_TEXT(authorizer->y),
				   DB_TEXT(by->actor), DB_NUMBER(now_s)));
	return r != 0 ? r : store_audit_action(store, by, "authorizer-set", NULL, detail);
}

int store_authorizer_set(struct store *store, const struct store_by *by,
			 const struct store_authorizer *authorizer, const char *detail)
{
	int r = db_begin(store->db);

	return r < 0 ? r : store_end(store, replace(store, by, authorizer, detail));
}

static int remove_it(struct store *store, const struct store_by *by)
{
	struct store_authorizer old;
	int r = store_authorizer(store, by->organization, &old);

	if (r == 0)
		r = store_guard(store, by, SUBJECT_AUTHORIZER, "");
	if (r == 0)
		r = delete_row(store, by);
	return r != 0 ? r : store_audit_action(store, by, "authorizer-removed", NULL, old.url);
}

int store_authorizer_remove(struct store *store, const struct store_by *by)
{
	int r = db_begin(store->db);

	return r < 0 ? r : store_end(store, remove_it(store, by));
}
