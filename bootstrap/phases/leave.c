/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leave: after a boot without our step was seen to work. The fallback entry goes, every copy of the
 * header is destroyed and searched for on the raw sectors, then units, state and the binary go.
 * Nothing of ours is left but the files of docs/on-disk.md.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_step.h"
#include "bootstrap/destroy.h"
#include "bootstrap/grub.h"
#include "bootstrap/install.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks.h"
#include "bootstrap/mount.h"
#include "bootstrap/our_files.h"
#include "bootstrap/phase.h"
#include "bootstrap/report.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int leave_done(struct job *job UNUSED)
{
	return !file_exists(STATE_DIR) && !file_exists(BOOT_STATE_DIR);
}

/* 1: this boot opened the disk by the distribution's own means; 0: the boot step ran. */
static int saw_native_boot(const struct job *job)
{
	struct boot_result result;
	int r = boot_result_read(&result);

	if (r < 0)
		return r;
	return !result.exists && job->facts->root_kind == ROOT_LUKS;
}

static int remove_fallback(const struct job *job)
{
	struct facts_mount boot;
	int r;

	r = our_files_remove(OUR_FILE_FALLBACK);
	if (r < 0)
		return r;
	for (size_t i = 0; i < job->facts->kernel_count; i++) {
		CLEANUP_FREE char *image = NULL;

		r = text_format(&image, "/boot/initrd.img-%s.panocrypt", job->facts->kernels[i]);
		if (r == 0)
			r = file_remove(image);
		if (r < 0)
			return r;
	}
	r = grub_update(&job->intent);
	if (r < 0)
		return r;
	return mount_at("/boot", &boot, NULL, 0) == 0 ? mount_settle("/boot") : 0;
}

static int search(const char *device, const struct luks_salts *salts, uint64_t *ret_hits)
{
	const char *needles[LUKS_SALTS_MAX];

	for (size_t i = 0; i < salts->count; i++)
		needles[i] = salts->salts[i];
	return destroy_search(device, needles, salts->count, ret_hits);
}

/* No copy of the header may be left on the plain partitions: /boot and the ESP. Freed blocks are
 * zeroed once if any is. */
static int prove_no_copy(const struct job *job, const struct luks_salts *salts,
			 const char *mount_point)
{
	struct facts_mount mount;
	uint64_t hits = 0;
	int r = mount_at(mount_point, &mount, NULL, 0);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = mount_settle(mount_point);
	if (r == 0)
		r = search(mount.source, salts, &hits);
	if (r < 0 || !hits)
		return r;
	log_info("leave: %llu pieces of the header copy in freed blocks of %s: zeroing them",
		 (unsigned long long)hits, mount.source);
	r = destroy_free_space(mount_point);
	if (r == 0)
		r = mount_settle(mount_point);
	if (r == 0)
		r = search(mount.source, salts, &hits);
	if (r < 0)
		return r;
	return hits ? fail(-EIO,
			   "%llu pieces of the header copy of %s are still on %s: find and "
			   "overwrite them",
			   (unsigned long long)hits, job->intent.luks_uuid, mount.source)
		    : 0;
}

static int destroy_copies(const struct job *job)
{
	struct luks_salts salts;
	char device[FACTS_PATH_MAX];
	int r;

	r = block_find("UUID", job->intent.luks_uuid, device, sizeof(device));
	if (r == 0)
		r = luks_salts(&(struct luks_where){ .header = device }, &salts);
	if (r < 0)
		return fail_at(r, "the encrypted volume");
	r = destroy_folder(BOOT_STATE_DIR);
	if (r < 0)
		return r;
	r = prove_no_copy(job, &salts, "/boot");
	if (r < 0 || !job->facts->esp_mount[0])
		return r;
	return prove_no_copy(job, &salts, job->facts->esp_mount);
}

static int leave_run(struct job *job)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = STATE_DIR,
				     .boot = job->boot };
	int r = saw_native_boot(job);

	if (r < 0)
		return r;
	if (r == 0) {
		log_info("leave: waiting for the first native boot");
		return job->intent.final_reboot ? PHASE_NEEDS_REBOOT : PHASE_WAITS;
	}
	r = remove_fallback(job);
	if (r < 0)
		return r;
	r = destroy_copies(job);
	if (r < 0)
		return r;
	r = keyring_drop(job->intent.luks_uuid);
	if (r < 0)
		return r;
	report_progress(&reporter, "leave", REPORT_DONE, 100, "native boot seen");
	return leave_rest();
}

int leave_rest(void)
{
	int r = destroy_folder(STATE_DIR);

	return r < 0 ? r : install_remove();
}

const struct phase phase_leave = {
	.name = "leave",
	.place = PHASE_RUNNING,
	.done = leave_done,
	.run = leave_run,
	.power_cut = "fully encrypted, booted natively: the unit runs it again",
};
