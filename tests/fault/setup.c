/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See setup.h: by the product's own functions.
 */
#include "tests/fault/setup.h"

#include "bootstrap/block.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/table_copy.h"
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "tests/fault/world.h"

#include <string.h>

#define PBKDF_KIB (64 * KIB)
#define PASSPHRASE "correct horse battery staple"

static int bind_clevis(const struct luks_where *where, const struct secret *key)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "not a real one");
	int r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));

	return r < 0 ? r : luks_bind_clevis(where, key, &secret, jwe);
}

static int make_header(const char *state, const char *device, uint64_t shift_bytes)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, key = SECRET_EMPTY;
	const struct luks_format format = { WORLD_LUKS_UUID, cipher_default(), shift_bytes, 4096,
					    PBKDF_KIB };
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

void setup_machine(const struct setup *setup)
{
	char state[300], device[300];
	struct intent intent = {
		.device_url = "https://unlock.example/d/0",
		.luks_uuid = WORLD_LUKS_UUID,
		.fs_uuid = WORLD_FS_UUID,
		.root_partuuid = WORLD_ROOT_PARTUUID,
		.boot_uuid = WORLD_BOOT_UUID,
		.boot_partuuid = WORLD_BOOT_PARTUUID,
		.boot_bytes = setup->boot_bytes,
		.shift_bytes = setup->shift_bytes,
		.payload_bytes = setup->payload_bytes,
		.free_space = "zero",
		.cipher = "aes-xts-plain64",
	};
	int r;

	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, setup->folder);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, setup->folder);
	r = file_mkdirs(state, 0700);
	if (r == 0 && setup->payload_bytes)
		r = block_size(device, &intent.root_bytes);
	if (r == 0)
		r = intent_write(state, &intent);
	if (r == 0)
		r = make_header(state, device, setup->shift_bytes);
	if (r == 0)
		r = copy_table(setup->folder);
	if (r < 0)
		die("%s", fail_text());
}

static int rotate(const char *device)
{
	CLEANUP_SECRET struct secret recovery = SECRET_EMPTY, secret = SECRET_EMPTY;
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "not a real one");
	const struct luks_where where = { device, NULL };
	int r = secret_copy(&recovery, PASSPHRASE, strlen(PASSPHRASE));

	if (r == 0)
		r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));
	if (r == 0)
		r = luks_random_key(cipher_default(), &next);
	if (r == 0)
		r = luks_next_add(&where,
				  &(struct luks_next){ &next, &recovery, &secret, jwe, PBKDF_KIB });
	if (r == 0)
		r = luks_volume_key(&where, &secret, &key);
	return r < 0 ? r : luks_rotate_init(device, NULL, &key, &next);
}

void setup_rotation(const char *folder)
{
	char device[300];

	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, folder);
	if (rotate(device) < 0)
		die("%s", fail_text());
}
