/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Organizations, their members, API tokens. Tokens are stored as SHA-256 of their text: they are
 * 256 random bits, so nothing slower is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/jwk.h"
#include "server/store/store_internal.h"

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_AUDITOR] = "auditor",
	[ROLE_APPROVER] = "approver",
	[ROLE_ADMIN] = "admin",
	[ROLE_OWNER] = "owner",
};

const char *store_role_name(enum store_role role)
{
	return role < ROLE_COUNT ? role_names[role] : "none";
}

static int role_of(const char *name, enum store_role *ret)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (strcmp(role_names[i], name) == 0) {
			*ret = (enum store_role)i;
			return 0;
		}
	}
	return fail(-EIO, "the store is damaged: a member has an unknown role");
}

int store_token_hash(const char *token, uint8_t ret[static 32])
{
	size_t len = strlen(token);

	if (len != TOKEN_TEXT_SIZE - 1)
		return STORE_NOT_FOUND;
	return sha256(token, len, ret);
}

static int take_user(const struct db_row *row, void *userdata)
{
	struct store_user *user = userdata;
	int r;

	r = db_blob_copy(row, 0, user->organization, sizeof(user->organization));
	if (r == 0)
		r = db_text_copy(row, 1, user->organization_name, sizeof(user->organization_name));
	if (r == 0)
		r = db_text_copy(row, 2, user->name, sizeof(user->name));
	return r < 0 ? r : role_of(db_text(row, 3), &user->role);
}

int store_token_user(struct store *store, const char *token, struct store_user *ret)
{
	uint8_t hash[32];
	uint64_t now_s;
	int r;

	r = store_token_hash(token, hash);
	if (r == 0)
		r = db_now(store->db, &now_s);
	if (r != 0)
		return r;
	return store_one(store,
			 "SELECT t.organization, o.name, m.name, m.role FROM api_token t"
			 " JOIN organization o ON o.id = t.organization"
			 " JOIN member m ON m.organization = t.organization AND m.name = t.member"
			 " WHERE t.hash = $1 AND t.revoked_s = 0 AND t.expires_s > $2",
			 DB_ARGS(DB_BLOB(hash, sizeof(hash)), DB_NUMBER(now_s)), take_user, ret);
}

static int insert_token(struct store *store, const struct store_by *by, const char *user,
			uint64_t expires_in_s, const uint8_t hash[32])
{
	uint64_t now_s, members = 0;
	int r;

	r = db_query(store->db, "SELECT count(*) FROM member WHERE organization = $1 AND name = $2",
		     DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(user)),
		     store_take_number, &members);
	if (r == 0)
		r = members == 0 ? STORE_NOT_FOUND : db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(
			store->db,
			"INSERT INTO api_token (hash, organization, member, created_s, expires_s)"
			" VALUES ($1, $2, $3, $4, $5)",
			DB_ARGS(DB_BLOB(hash, 32), DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				DB_TEXT(user), DB_NUMBER(now_s), DB_NUMBER(now_s + expires_in_s)));
	return r != 0 ? r : store_audit_action(store, by, "api-token-created", NULL, user);
}

int store_token_create(struct store *store, const struct store_by *by, const char *user,
		       uint64_t expires_in_s, char ret[static TOKEN_TEXT_SIZE])
{
	CLEANUP_FREE char *text = NULL;
	uint8_t token[32], hash[32];
	int r;

	r = random_bytes(token, sizeof(token));
	if (r == 0)
		r = b64url_encode(token, sizeof(token), &text);
	secret_wipe(token, sizeof(token));
	if (r == 0)
		r = store_token_hash(text, hash);
	if (r == 0)
		r = db_begin(store->db);
	if (r != 0)
		return r;
	r = store_end(store, insert_token(store, by, user, expires_in_s, hash));
	if (r == 0)
		snprintf(ret, TOKEN_TEXT_SIZE, "%s", text);
	secret_wipe(text, strlen(text));
	return r;
}

static int insert_organization(struct store *store, const struct store_by *by, const char *name)
{
	uint64_t now_s;
	int r;

	r = db_now(store->db, &now_s);
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO organization (id, name, created_s) VALUES ($1, $2, $3)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES), DB_TEXT(name),
				   DB_NUMBER(now_s)));
	if (r == 0)
		r = db_run(store->db,
			   "INSERT INTO member (organization, name, role, created_s)"
			   " VALUES ($1, $2, $3, $4)",
			   DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
				   DB_TEXT(by->actor), DB_TEXT(role_names[ROLE_OWNER]),
				   DB_NUMBER(now_s)));
	return r != 0 ? r : store_audit_action(store, by, "organization-created", NULL, name);
}

int store_organization_create(struct store *store, const char *name, const char *owner,
			      uint8_t ret[static ORGANIZATION_ID_BYTES])
{
	struct store_by by = { .actor = owner };
	int r;

	r = random_bytes(by.organization, sizeof(by.organization));
	if (r == 0)
		r = db_begin(store->db);
	if (r < 0)
		return r;
	r = store_end(store, insert_organization(store, &by, name));
	if (r == 0)
		memcpy(ret, by.organization, ORGANIZATION_ID_BYTES);
	return r;
}

struct text_target {
	char *to;
	size_t size;
};

static int take_text(const struct db_row *row, void *userdata)
{
	const struct text_target *target = userdata;

	return db_text_copy(row, 0, target->to, target->size);
}

int store_organization_name(struct store *store, const uint8_t organization[static 16], char *ret,
			    size_t size)
{
	struct text_target target = { ret, size };

	return store_one(store, "SELECT name FROM organization WHERE id = $1",
			 DB_ARGS(DB_BLOB(organization, ORGANIZATION_ID_BYTES)), take_text, &target);
}
