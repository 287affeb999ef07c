/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The intent file's format: {"body":{…},"sha256":"<hex of the body's compact, key-sorted text>"}.
 * One table names every member; reading and writing both walk it, so that none can be forgotten in
 * one of them.
 */
#include "bootstrap/intent.h"

#include "common/aead.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"

#include <string.h>

#define INTENT_VERSION 1
#define INTENT_MAX_BYTES (32 * KIB)

enum member_kind { MEMBER_TEXT, MEMBER_NUMBER, MEMBER_BOOL };

struct member {
	const char *name;
	enum member_kind kind;
	size_t offset, size;
};

#define TEXT(field)                                                                                \
	{                                                                                          \
#field, MEMBER_TEXT, offsetof(struct intent, field),                               \
			sizeof(((struct intent *)0)->field)                                        \
	}
#define NUMBER(field)                                                                              \
	{                                                                                          \
#field, MEMBER_NUMBER, offsetof(struct intent, field), sizeof(uint64_t)            \
	}
#define BOOL(field)                                                                                \
	{                                                                                          \
#field, MEMBER_BOOL, offsetof(struct intent, field), sizeof(bool)                  \
	}

static const struct member members[] = {
	TEXT(server),
	TEXT(device_url),
	TEXT(device),
	TEXT(thumbprint),
	TEXT(ca_file),
	TEXT(luks_uuid),
	TEXT(fs_uuid),
	TEXT(root_partuuid),
	TEXT(disk_id),
	TEXT(boot_uuid),
	TEXT(boot_partuuid),
	NUMBER(boot_bytes),
	NUMBER(shift_bytes),
	NUMBER(payload_bytes),
	NUMBER(root_bytes),
	TEXT(recovery),
	TEXT(recovery_output),
	TEXT(leave_plain),
	TEXT(product_uuid),
	TEXT(free_space),
	TEXT(coverage),
	TEXT(cipher),
	BOOL(rotate_after),
	BOOL(final_reboot),
	BOOL(undo),
	TEXT(root_mount_options),
};

static int member_read(const struct member *member, const json_t *body, struct intent *intent)
{
	char *at = (char *)intent + member->offset;

	switch (member->kind) {
	case MEMBER_TEXT: return js_copy(body, member->name, at, member->size);
	case MEMBER_NUMBER: return js_u64(body, member->name, (uint64_t *)(void *)at);
	case MEMBER_BOOL: return js_bool(body, member->name, (bool *)(void *)at);
	}
	return -EINVAL;
}

static json_t *member_write(const struct member *member, const struct intent *intent)
{
	const char *at = (const char *)intent + member->offset;
	uint64_t number = 0;
	bool flag = false;

	switch (member->kind) {
	case MEMBER_TEXT: return json_string(at);
	case MEMBER_NUMBER:
		memcpy(&number, at, sizeof(number));
		return json_integer((json_int_t)number);
	case MEMBER_BOOL: memcpy(&flag, at, sizeof(flag)); return json_boolean(flag);
	}
	return NULL;
}

static int body_checksum(const json_t *body, char ret[static 2 * SHA256_BYTES + 1])
{
	CLEANUP_FREE char *text = NULL;
	uint8_t digest[SHA256_BYTES];
	int r;

	r = js_print(body, &text);
	if (r < 0)
		return r;
	r = sha256(text, strlen(text), digest);
	if (r < 0)
		return r;
	text_hex(ret, digest, sizeof(digest));
	return 0;
}

int intent_parse(const char *text, size_t len, struct intent *ret)
{
	CLEANUP_JSON json_t *root = NULL;
	struct intent intent = { 0 };
	char checksum[2 * SHA256_BYTES + 1];
	const char *stored = NULL;
	uint64_t version = 0;
	json_t *body = NULL;

	if (js_parse(text, len, INTENT_MAX_BYTES, &root) < 0 ||
	    js_object(root, "body", &body) < 0 || js_string(root, "sha256", &stored) < 0 ||
	    body_checksum(body, checksum) < 0 || strcmp(checksum, stored))
		return fail(-EBADMSG,
			    "the intent file is damaged: run \"panocrypt-bootstrap undo\" if the "
			    "disk is not encrypted yet; else restore " INTENT_FILE
			    " from " INTENT_COPY_FILE " beside it (" STATE_DIR ", " BOOT_STATE_DIR
			    ")");
	if (js_u64(body, "version", &version) < 0 || version != INTENT_VERSION)
		return fail(
			-EBADMSG,
			"the intent file was written by another version of panocrypt-bootstrap: "
			"use that version to finish or undo");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		int r = member_read(&members[i], body, &intent);

		if (r < 0)
			return fail_at(-EBADMSG, "intent file");
	}
	*ret = intent;
	return 0;
}

int intent_print(const struct intent *intent, char **ret)
{
	CLEANUP_JSON json_t *root = json_object();
	char checksum[2 * SHA256_BYTES + 1];
	json_t *body = root ? json_object() : NULL;
	int r;

	if (!body || json_object_set_new(root, "body", body) < 0)
		return -ENOMEM;
	if (json_object_set_new(body, "version", json_integer(INTENT_VERSION)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_set_new(body, members[i].name, member_write(&members[i], intent)) <
		    0)
			return fail(-EINVAL, "the intent's %s is not valid text", members[i].name);
	r = body_checksum(body, checksum);
	if (r < 0)
		return r;
	if (json_object_set_new(root, "sha256", json_string(checksum)) < 0)
		return -ENOMEM;
	return js_print_pretty(root, ret);
}

static int read_file(const char *dir, const char *name, struct intent *ret)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	size_t len = 0;
	int r;

	r = text_format(&path, "%s/%s", dir, name);
	if (r < 0)
		return r;
	r = file_read(path, INTENT_MAX_BYTES, &text, &len);
	if (r < 0)
		return r;
	return intent_parse(text, len, ret);
}

int intent_read(const char *dir, struct intent *ret)
{
	return read_file(dir, INTENT_FILE, ret);
}

int intent_read_whole(const char *dir, struct intent *ret)
{
	int r = intent_read(dir, ret);

	if (r != -EBADMSG || read_file(dir, INTENT_COPY_FILE, ret) < 0)
		return r;
	fail_clear();
	return 0;
}

int intent_write(const char *dir, const struct intent *intent)
{
	CLEANUP_FREE char *path = NULL, *copy = NULL, *text = NULL;
	int r;

	r = file_mkdirs(dir, 0700);
	if (r == 0)
		r = text_format(&path, "%s/%s", dir, INTENT_FILE);
	if (r == 0)
		r = text_format(&copy, "%s/%s", dir, INTENT_COPY_FILE);
	if (r == 0)
		r = intent_print(intent, &text);
	if (r == 0)
		r = file_replace_text(copy, text, 0600);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}
