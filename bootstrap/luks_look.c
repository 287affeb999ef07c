/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a LUKS2 header says, by libcryptsetup. Writes nothing.
 */
#include "bootstrap/luks_json.h"
#include "bootstrap/luks_private.h"
#include "common/err.h"

#include <stdio.h>
#include <string.h>

int luks_metadata(struct crypt_device *cd, json_t **ret)
{
	const char *text = NULL;
	int r;

	r = crypt_dump_json(cd, &text, 0);
	if (r < 0)
		return fail(r, "reading LUKS2 metadata: %s", strerror(-r));
	return luks_json_parse(text, strlen(text), ret);
}

int luks_open_metadata(const struct luks_where *where, struct crypt_device **ret,
		       json_t **ret_metadata)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	r = luks_open(where, &cd);
	if (r == 0)
		r = luks_metadata(cd, ret_metadata);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(cd);
	return 0;
}

int luks_status_of(struct crypt_device *cd, struct luks_status *ret)
{
	CLEANUP_JSON json_t *metadata = NULL;
	int r = luks_metadata(cd, &metadata);

	return r < 0 ? r : luks_json_status(metadata, ret);
}

int luks_open_status(const struct luks_where *where, struct crypt_device **ret,
		     struct luks_status *ret_status)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	int r;

	r = luks_open(where, &cd);
	if (r == 0)
		r = luks_status_of(cd, ret_status);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(cd);
	return 0;
}

int luks_look(const struct luks_where *where, struct luks_status *ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	struct luks_status status = { 0 };
	int r;

	r = luks_init(where, &cd);
	if (r < 0)
		return r;
	r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (r == -EINVAL) { /* no LUKS2 header there */
		*ret = status;
		return 0;
	}
	if (r < 0)
		return luks_fail(r, where, "reading the LUKS2 header of");
	r = luks_status_of(cd, &status);
	if (r < 0)
		return r;
	status.is_luks2 = true;
	snprintf(status.uuid, sizeof(status.uuid), "%s", crypt_get_uuid(cd));
	*ret = status;
	return 0;
}

int luks_salts(const struct luks_where *where, struct luks_salts *ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *metadata = NULL;
	int r;

	r = luks_open_metadata(where, &cd, &metadata);
	return r < 0 ? r : luks_json_salts(metadata, ret);
}

int luks_header_bytes(const struct luks_where *where, uint64_t *ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *metadata = NULL;
	int r;

	r = luks_open_metadata(where, &cd, &metadata);
	return r < 0 ? r : luks_json_header_bytes(metadata, ret);
}
