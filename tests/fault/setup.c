/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See setup.h: by the product's own functions.
 */
#include "tests/fault/setup.h"

#include "bootstrap/block.h"
#include "bootstrap/table_copy.h"
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "tests/fault/world.h"

#include <string.h>

#define PASSPHRASE "correct horse battery staple"

static int bind_clevis(const struct luks_where *where, const struct secret *key)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "not a real one");
	int r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));

	return r < 0 ? r : luks_bind_clevis(where, key, &secret, jwe);
}

static int make_header(const char *state, const char *device)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, key = SECRET_EMPTY;
	const struct luks_format format = { WORLD_LUKS_UUID, cipher_default(), SETUP_SHIFT_BYTES,
					    4096, 64 * KIB };
	CLEANUP_FREE char *path = NULL;
	struct luks_where where;
	int r;

	r = text_format(&path, "%s/" HEADER_FILE, state);
	if (r == 0)
		r = secret_copy(&secret, PASSPHRASE, strlen(PASSPHRASE));
	if (r == 0)
		r = luks_make_header(path, device, &format, &secret, &key);
	if (r < 0)
		return r;
	where = (struct luks_where){ path, NULL };
	r = wiped_set_pending(&where);
	return r < 0 ? r : bind_clevis(&where, &key);
}

static int copy_table(const char *folder)
{
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	char disk[300], copy[300];
	int r;

	snprintf(disk, sizeof(disk), "%s/" MACHINE_TABLE, folder);
	snprintf(copy, sizeof(copy), "%s/" WORLD_TABLE_COPY, folder);
	if (!file_exists(disk))
		return 0;
	r = table ? table_read(disk, table) : -ENOMEM;
	return r < 0 ? r : table_copy_write(copy, table);
}

void setup_machine(const char *folder, uint64_t payload_bytes, uint64_t boot_bytes)
{
	char state[300], device[300];
	struct intent intent = {
		.device_url = "https://unlock.example/d/0",
		.luks_uuid = WORLD_LUKS_UUID,
		.fs_uuid = WORLD_FS_UUID,
		.root_partuuid = WORLD_ROOT_PARTUUID,
		.boot_uuid = WORLD_BOOT_UUID,
		.boot_partuuid = WORLD_BOOT_PARTUUID,
		.boot_bytes = boot_bytes,
		.shift_bytes = SETUP_SHIFT_BYTES,
		.payload_bytes = payload_bytes,
		.free_space = "zero",
		.cipher = "aes-xts-plain64",
	};
	int r;

	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, folder);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, folder);
	r = file_mkdirs(state, 0700);
	if (r == 0 && payload_bytes)
		r = block_size(device, &intent.root_bytes);
	if (r == 0)
		r = intent_write(state, &intent);
	if (r == 0)
		r = make_header(state, device);
	if (r == 0)
		r = copy_table(folder);
	if (r < 0)
		die("%s", fail_text());
}
