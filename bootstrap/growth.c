/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See growth.h. What fstab said before is kept in the intent, because it is what we want to have
 * back.
 */
#include "bootstrap/growth.h"

#include "bootstrap/etc_files.h"
#include "bootstrap/our_files.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <string.h>

#define GROWFS_OPTION "x-systemd.growfs"

int growth_lock(struct job *job)
{
	struct fstab_change change = { .mount_point = "/", .remove_option = GROWFS_OPTION };
	CLEANUP_FREE char *fstab = NULL;
	int r;

	if (!job->intent.root_mount_options[0]) {
		r = etc_read(FSTAB, &fstab);
		if (r < 0)
			return r;
		r = fstab_options(fstab, "/", job->intent.root_mount_options,
				  sizeof(job->intent.root_mount_options));
		if (r < 0)
			return r;
		r = intent_write(job->state_dir, &job->intent);
		if (r < 0)
			return r;
	}
	r = etc_fstab_change(&change);
	if (r < 0)
		return r;
	return our_files_install(OUR_FILE_GROWTH);
}

int growth_unlock(struct job *job)
{
	struct fstab_change change = { .mount_point = "/", .add_option = GROWFS_OPTION };
	int r;

	if (strstr(job->intent.root_mount_options, GROWFS_OPTION)) {
		r = etc_fstab_change(&change);
		if (r < 0)
			return r;
	}
	return our_files_remove(OUR_FILE_GROWTH);
}

bool growth_is_held(const struct job *job)
{
	CLEANUP_FREE char *fstab = NULL;
	char options[sizeof(job->intent.root_mount_options)];

	if (file_exists(OUR_CLOUD_GROWTH))
		return true;
	if (!strstr(job->intent.root_mount_options, GROWFS_OPTION))
		return false;
	if (etc_read(FSTAB, &fstab) < 0 ||
	    fstab_options(fstab, "/", options, sizeof(options)) < 0) {
		fail_clear(); /* not ours any more */
		return false;
	}
	return options[0] && !strstr(options, GROWFS_OPTION);
}
