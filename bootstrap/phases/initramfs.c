/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * initramfs: everything that the first boot into our boot step needs. The machine still boots as
 * before if any of it is missing; update-grub comes last and is what done() looks for first.
 */
#include "bootstrap/phases/initramfs.h"

#include "bootstrap/boot_sizes.h"
#include "bootstrap/etc_files.h"
#include "bootstrap/growth.h"
#include "bootstrap/grub.h"
#include "bootstrap/initrd.h"
#include "bootstrap/mount.h"
#include "bootstrap/our_files.h"
#include "bootstrap/redo.h"
#include "bootstrap/table_copy.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What every image must hold before we rely on it; sizes are checked too. */
static const char *const wanted[] = {
	"usr/lib/panocrypt/panocrypt-bootstrap",
	"etc/panocrypt/boot.json",
	"etc/panocrypt/redo.key",
	"etc/panocrypt/table.json",
	"scripts/local-top/panocrypt-boot-step",
	"scripts/local-top/panocrypt-network",
	"scripts/local-bottom/panocrypt-network",
	".curlrc",
	"etc/panocrypt/made",
	"etc/ssl/certs/ca-certificates.crt",
	"cryptroot/crypttab",
	"usr/bin/clevis-decrypt-tang",
	"usr/bin/curl",
	NULL,
};
static const char *const unwanted[] = { NULL };

/* One key for the whole conversion: a log that one image has written must be one for all of them.
 */
static int redo_key_make(void)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	int r;

	if (file_exists(REDO_KEY_FILE))
		return 0;
	r = secret_random(&key, REDO_KEY_BYTES);
	return r < 0 ? r : file_replace(REDO_KEY_FILE, key.data, key.len, 0600);
}

static int this_boot(char **ret)
{
	int r = file_read("/proc/sys/kernel/random/boot_id", 64, ret, NULL);

	if (r < 0)
		return fail(r, "the id of this boot can't be read");
	(*ret)[strcspn(*ret, "\n")] = '\0';
	return 0;
}

int boot_json_write(const struct intent *intent, const char *uuid, const char *path,
		    bool is_image_made)
{
	CLEANUP_FREE char *text = NULL, *boot_id = NULL;
	int r = redo_key_make();

	if (r == 0 && is_image_made)
		r = this_boot(&boot_id);
	if (r == 0)
		r = text_format(&text,
				"{\"state_uuid\":\"%s\",\"state_path\":\"%s\","
				"\"fs_uuid\":\"%s\",\"root_partuuid\":\"%s\","
				"\"boot_partuuid\":\"%s\",\"made_in_boot\":\"%s\"}\n",
				uuid, path, intent->fs_uuid, intent->root_partuuid,
				intent->boot_partuuid, boot_id ? boot_id : "");
	return r < 0 ? r : file_replace_text(BOOT_JSON, text, 0644);
}

int boot_images_rebuild(struct job *job)
{
	return initrd_rebuild_all(job->facts, wanted, unwanted);
}

int crypttab_write(const struct intent *intent, const char *options)
{
	CLEANUP_FREE char *line = NULL;
	int r = text_format(&line, MAPPING_NAME " UUID=%s none %s", intent->luks_uuid, options);

	if (r < 0)
		return r;
	return etc_crypttab_set(MAPPING_NAME, line);
}

static int initramfs_done(struct job *job)
{
	bool has_root = false;
	char root[64];
	int r;

	snprintf(root, sizeof(root), "root=UUID=%s", job->intent.fs_uuid);
	if (!file_exists(OUR_BOOT_HOOK) || !file_exists(BOOT_JSON) || !file_exists(REDO_KEY_FILE) ||
	    !file_exists(TABLE_COPY_FILE))
		return 0;
	r = grub_cfg_has(root, &has_root);
	if (r < 0 || !has_root)
		return 0;
	r = initrd_check_all(job->facts, wanted, unwanted);
	if (r == 0)
		fail_clear();
	return r;
}

/* The two edits that make the plain system find its root by the filesystem's UUID: true before and
 * after. */
static int root_by_uuid(const struct intent *intent)
{
	char source[64];
	struct fstab_change change = { .mount_point = "/", .new_source = source };
	int r;

	snprintf(source, sizeof(source), "UUID=%s", intent->fs_uuid);
	r = etc_fstab_change(&change);
	if (r < 0)
		return r;
	return grub_write_defaults(GRUB_CONVERTING, intent);
}

/* A copy of what undo brings back; the first one wins, so that a second run can't save our own
 * version. */
static int keep_fstab(void)
{
	if (file_exists(FSTAB_KEPT))
		return 0;
	return file_copy(FSTAB, FSTAB_KEPT);
}

/* The first one wins here, too: a second run may find the table that `carve` has made. */
static int keep_table(const struct facts *facts)
{
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	int r;

	if (file_exists(TABLE_COPY_FILE))
		return 0;
	if (!table)
		return -ENOMEM;
	r = table_read(facts->disk, table);
	return r < 0 ? r : table_copy_write(TABLE_COPY_FILE, table);
}

/* A boot repairs a cut `carve` or `shrink` by its log, near the partition's end as it is then.
 * Where that can't be read a log can't be trusted to be found again: not one step further. */
static int check_log_places(const struct job *job)
{
	const struct facts *facts = job->facts;
	uint64_t carved = 0;
	int r = redo_check_window(facts->root_device, facts->root_bytes);

	if (r < 0 || !job->intent.boot_bytes)
		return r;
	r = boot_carve_size(facts->root_start_bytes, facts->root_bytes, job->intent.boot_bytes,
			    job->intent.shift_bytes, &carved);
	return r < 0 ? r : redo_check_window(facts->root_device, carved);
}

static int initramfs_run(struct job *job)
{
	int r;

	r = check_log_places(job);
	if (r == 0)
		r = keep_fstab();
	if (r == 0)
		r = keep_table(job->facts);
	if (r < 0)
		return r;
	r = growth_lock(job);
	if (r < 0)
		return r;
	r = our_files_install(OUR_FILE_STAYS);
	if (r < 0)
		return r;
	r = our_files_install(OUR_FILE_CONVERSION);
	if (r < 0)
		return r;
	r = boot_json_write(&job->intent, job->intent.fs_uuid, STATE_DIR, false);
	if (r < 0)
		return r;
	r = root_by_uuid(&job->intent);
	if (r < 0)
		return r;
	r = crypttab_write(&job->intent, "luks,noauto,initramfs");
	if (r < 0)
		return r;
	r = boot_images_rebuild(job);
	if (r < 0)
		return r;
	r = grub_update(&job->intent);
	if (r == 0)
		r = mount_settle(job->facts->is_boot_separate ? "/boot" : "/");
	if (r < 0)
		return r;
	return boot_json_write(&job->intent, job->intent.fs_uuid, STATE_DIR, true);
}

static int initramfs_undo(struct job *job)
{
	static const enum our_file_life lives[] = { OUR_FILE_STAYS, OUR_FILE_CONVERSION,
						    OUR_FILE_GROWTH };
	const struct initrd *initrd = NULL;
	int r;

	if (file_exists(FSTAB_KEPT)) {
		r = file_copy(FSTAB_KEPT, FSTAB);
		if (r < 0)
			return r;
	}
	r = etc_crypttab_drop(MAPPING_NAME);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		r = our_files_remove(lives[i]);
		if (r < 0)
			return r;
	}
	r = file_remove(BOOT_JSON);
	if (r == 0)
		r = file_remove(REDO_KEY_FILE);
	if (r == 0)
		r = file_remove(TABLE_COPY_FILE);
	if (r < 0)
		return r;
	r = initrd_find(job->facts->initrd, &initrd);
	if (r < 0)
		return r;
	r = initrd->rebuild();
	if (r < 0)
		return r;
	r = grub_update_plain();
	if (r < 0)
		return r;
	return mount_settle(job->facts->is_boot_separate ? "/boot" : "/");
}

const struct phase phase_initramfs = {
	.name = "initramfs",
	.place = PHASE_RUNNING,
	.done = initramfs_done,
	.run = initramfs_run,
	.undo = initramfs_undo,
	.power_cut = "plain system, some of our files: run again, or undo",
};
