/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootpart: the new, plain /boot is filled and becomes what the machine boots from, with the header
 * copy on it. root:/boot stays underneath, untouched, until `native`. update-grub comes last: the
 * mark on the kernel command line stands only in the new grub.cfg, so the next boot proves that it
 * was read.
 */
#include "bootstrap/block.h"
#include "bootstrap/destroy.h"
#include "bootstrap/etc_files.h"
#include "bootstrap/grub.h"
#include "bootstrap/mount.h"
#include "bootstrap/new_boot.h"
#include "bootstrap/phases/initramfs.h"
#include "bootstrap/spawn.h"
#include "bootstrap/table.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define NEW_BOOT RUN_DIR "/newboot"
#define ESP_USUAL "/boot/efi"

static int bootpart_done(struct job *job)
{
	bool is_marked = false;
	char mark[64];
	int r;

	if (strcmp(job->facts->boot_uuid, job->intent.boot_uuid) != 0 ||
	    !job->facts->is_boot_separate)
		return 0;
	if (!file_exists(BOOT_STATE_DIR "/" HEADER_FILE) ||
	    !file_exists(BOOT_STATE_DIR "/" INTENT_FILE))
		return 0;
	snprintf(mark, sizeof(mark), "panocrypt.boot=%s", job->intent.boot_uuid);
	r = grub_cfg_has(mark, &is_marked);
	return r == 0 && is_marked;
}

/* Copies the present /boot tree (without what is mounted below it) into the new filesystem. */
static int fill(const char *device)
{
	struct spawn copy = { .argv = { "cp", "-a", "--one-file-system", "--no-target-directory",
					"/boot", NEW_BOOT },
			      .timeout_s = 900 };
	int r;

	r = mount_device(device, NEW_BOOT, "ext4", 0, NULL);
	if (r < 0)
		return r;
	r = spawn_run(&copy);
	if (r == 0)
		r = mount_settle(NEW_BOOT);
	if (mount_remove(NEW_BOOT) < 0 && r == 0)
		r = -EBUSY;
	return r;
}

/* fstab, then the mounts as the next boot will have them: the ESP has to come out from under the
 * old /boot. */
static int switch_mounts(const struct facts *facts, const struct intent *intent)
{
	struct spawn reload = { .argv = { "systemctl", "daemon-reload" } };
	struct spawn mount_boot = { .argv = { "mount", "/boot" } };
	struct spawn mount_esp = { .argv = { "mount", facts->esp_mount } };
	bool has_esp = strncmp(facts->esp_mount, "/boot/", 6) == 0;
	char line[128];
	int r;

	snprintf(line, sizeof(line), "UUID=%s /boot ext4 defaults 0 2", intent->boot_uuid);
	r = etc_fstab_set("/boot", line);
	if (r < 0)
		return r;
	r = spawn_run(&reload);
	if (r < 0)
		return r;
	if (has_esp) {
		r = mount_remove(facts->esp_mount);
		if (r < 0)
			return r;
	}
	r = spawn_run(&mount_boot);
	if (r < 0)
		return r;
	return has_esp ? spawn_run(&mount_esp) : 0;
}

/* The header copy and the intent move: durable there first, destroyed here last. */
static int move_state(struct job *job)
{
	int r;

	r = file_mkdirs(BOOT_STATE_DIR, 0700);
	if (r < 0)
		return r;
	if (file_exists(STATE_DIR "/" HEADER_FILE)) {
		r = file_copy(STATE_DIR "/" HEADER_FILE, BOOT_STATE_DIR "/" HEADER_FILE);
		if (r < 0)
			return r;
	}
	r = intent_write(BOOT_STATE_DIR, &job->intent);
	if (r < 0)
		return r;
	r = mount_settle("/boot");
	if (r < 0)
		return r;
	return destroy_file(STATE_DIR "/" HEADER_FILE);
}

static int use_new_partition(struct job *job)
{
	char device[FACTS_PATH_MAX];
	int r;

	if (job->facts->is_boot_separate)
		return 0;
	r = block_find("PARTUUID", job->intent.boot_partuuid, device, sizeof(device));
	if (r < 0)
		return fail_at(r, "the new /boot partition");
	r = new_boot_make(&job->intent, device);
	if (r < 0)
		return r;
	r = fill(device);
	if (r < 0)
		return r;
	r = switch_mounts(job->facts, &job->intent);
	if (r < 0)
		return r;
	job->facts->is_boot_separate = true;
	snprintf(job->facts->boot_uuid, sizeof(job->facts->boot_uuid), "%s", job->intent.boot_uuid);
	return 0;
}

/* A run or an undo that stopped in between has left the ESP unmounted: facts don't know it then,
 * and GRUB would be installed for the BIOS alone. */
static int return_esp(struct facts *facts)
{
	CLEANUP_FREE char *fstab = NULL;
	struct spawn mount_esp = { .argv = { "mount", facts->esp_mount } };
	struct facts_mount now;
	char options[256];
	int r;

	r = etc_read(FSTAB, &fstab);
	if (r < 0)
		return r;
	if (!facts->esp_mount[0] &&
	    fstab_options(fstab, ESP_USUAL, options, sizeof(options)) == 0 && options[0])
		snprintf(facts->esp_mount, sizeof(facts->esp_mount), ESP_USUAL);
	fail_clear();
	if (strncmp(facts->esp_mount, "/boot/", 6) != 0 ||
	    mount_at(facts->esp_mount, &now, NULL, 0) == 0)
		return 0;
	return spawn_run(&mount_esp);
}

static int bootpart_run(struct job *job)
{
	int r;

	r = use_new_partition(job);
	if (r < 0)
		return r;
	r = move_state(job);
	if (r < 0)
		return r;
	r = boot_json_write(&job->intent, job->intent.boot_uuid, "/panocrypt", false);
	if (r < 0)
		return r;
	r = boot_images_rebuild(job);
	if (r < 0)
		return r;
	if (job->intent.boot_bytes) {
		r = return_esp(job->facts);
		if (r == 0)
			r = grub_install(job->facts);
		if (r < 0)
			return r;
	}
	r = grub_write_defaults(GRUB_MARKED, &job->intent);
	if (r == 0)
		r = grub_update(&job->intent);
	if (r == 0)
		r = mount_settle("/boot");
	if (r < 0)
		return r;
	return boot_json_write(&job->intent, job->intent.boot_uuid, "/panocrypt", true);
}

/* --- undo: each part looks for itself, so that it can be begun again behind any failure ------- */

/* Our line in fstab goes last: while it is there, the boot loader may still be the new one's. */
static int has_our_line(const struct intent *intent, bool *ret)
{
	CLEANUP_FREE char *fstab = NULL;
	char line[80];
	int r;

	r = etc_read(FSTAB, &fstab);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "UUID=%s /boot ", intent->boot_uuid);
	*ret = strstr(fstab, line) != NULL;
	return 0;
}

/* Out from under it comes the ESP; root:/boot, which was kept, shows again. */
static int unmount_new(struct job *job)
{
	struct facts *facts = job->facts;
	struct facts_mount now;
	int r = mount_at("/boot", &now, NULL, 0);

	if (r == -ENOENT || (r == 0 && strcmp(facts->boot_uuid, job->intent.boot_uuid) != 0))
		return 0;
	if (r == 0 && strncmp(facts->esp_mount, "/boot/", 6) == 0) {
		r = mount_at(facts->esp_mount, &now, NULL, 0);
		r = r == -ENOENT ? 0 : r < 0 ? r : mount_remove(facts->esp_mount);
	}
	if (r == 0)
		r = mount_remove("/boot");
	if (r < 0)
		return r;
	facts->is_boot_separate = false;
	return 0;
}

/* Back to root:/boot; then carve's undo may take the partition away. */
static int bootpart_undo(struct job *job)
{
	struct spawn reload = { .argv = { "systemctl", "daemon-reload" } };
	bool is_ours = false;
	int r;

	if (!job->intent.boot_bytes)
		return destroy_folder(BOOT_STATE_DIR); /* /boot stays what it was */
	r = unmount_new(job);
	if (r == 0)
		r = has_our_line(&job->intent, &is_ours);
	if (r < 0 || !is_ours)
		return r;
	r = return_esp(job->facts);
	if (r == 0)
		r = grub_install(job->facts);
	if (r == 0)
		r = etc_fstab_drop("/boot");
	return r < 0 ? r : spawn_run(&reload);
}

const struct phase phase_bootpart = {
	.name = "bootpart",
	.place = PHASE_RUNNING,
	.done = bootpart_done,
	.run = bootpart_run,
	.undo = bootpart_undo,
	.power_cut = "boots from the old or the new /boot, both complete: run again",
};
